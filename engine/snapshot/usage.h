#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

namespace berth::snapshot {

// Bytes that the tree below `path` takes on disk; a file with several names counts once. Walked by
// descriptors, so a container that changes the tree meanwhile cannot lead the walk out of it.
Result<std::uint64_t> disk_usage(const std::string& path);

}  // namespace berth::snapshot
