#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::sys {

struct LoopDevice {
    std::string path;  // /dev/loopN
    UniqueFd fd;       // keeps it attached until it is mounted
};

// Attaches a file to a free loop device, which frees itself when the last mount and descriptor are gone.
Result<LoopDevice> attach_loop(const std::string& file, bool read_only);

}  // namespace berth::sys
