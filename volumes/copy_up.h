#pragma once

#include <string>

#include "volumes/volume_service.h"

namespace berth::volumes {

// VolumeService::copy_up() for the volume whose contents lie at `mountpoint`. kConflict if the image has
// something else than a folder at `target`; nothing is done if it has nothing there, or the volume holds
// something already.
Result<> copy_up_to(const std::string& mountpoint, int root_fd, const std::string& target,
                    const TreeCopy& copy_tree);

}  // namespace berth::volumes
