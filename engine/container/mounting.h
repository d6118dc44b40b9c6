#pragma once

#include <string>
#include <vector>

#include "engine/container/core.h"

// A container's mounts turned into something to mount: volumes made and mounted, sources that exist.
// Blocking: on the pool.
namespace berth::container {

// Names an anonymous volume, makes what is missing and refers to it for the container, for as long as the
// container is there.
Result<> acquire_volume(const Core& core, const std::string& container_id, MountPoint& mount);

// For a start: the container's mounts with their sources as they are now. Volumes are mounted (the caller
// unmounts when the start fails) and filled from `root_fd`, missing folders of `-v` are made.
Result<std::vector<MountPoint>> prepare_mounts(const Core& core, const Container& container, int root_fd);

}  // namespace berth::container
