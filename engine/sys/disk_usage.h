#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

namespace berth::sys {

// What a tree takes. A file with several names counts once; other file systems mounted below do not.
struct DiskUsage {
    std::uint64_t blocks = 0;   // on disk, as du counts it, the folders and the top one among them
    std::uint64_t content = 0;  // the sizes of all that is no folder, as Docker counts a volume
};
Result<DiskUsage> disk_usage(const std::string& path);

}  // namespace berth::sys
