#pragma once

#include "engine/container/model.h"

namespace berth::container {

// Binds, Mounts, Tmpfs and the VOLUMEs of a config as one list, in the order they are mounted (shorter
// targets first). Volumes without a name get none yet. Docker's texts for what is malformed or mounted twice.
// Touches the disk only to see whether the source of a `--mount type=bind` exists.
Result<std::vector<MountPoint>> plan_mounts(const types::ContainerConfig& config,
                                            const types::HostConfig& host);

}  // namespace berth::container
