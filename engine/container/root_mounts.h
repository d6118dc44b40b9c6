#pragma once

#include <vector>

#include "engine/container/core.h"
#include "engine/sys/mount.h"

namespace berth::container {

// What is mounted on the root, in this order: the container's mounts, with the sources of volumes filled in,
// and the engine's own files in /etc.
Result<std::vector<sys::Mount>> root_mounts(const Core& core, const Container& container,
                                            const std::vector<MountPoint>& mounts);

}  // namespace berth::container
