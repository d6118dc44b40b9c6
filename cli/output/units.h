#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/time.h"

namespace berth::cli {

// "About an hour", "3 days": how docker words the time since something happened.
std::string human_duration(std::chrono::seconds age);
// Decimal units with three significant digits: "4.49MB", "1.2kB" (images, ps).
std::string human_size(double bytes);
// Binary units with four: "1.5GiB", "64MiB" (stats).
std::string binary_size(double bytes);
// "512m", "1.5g", "64k", "1024": binary units, as -m and --shm-size take them.
Result<std::int64_t> parse_bytes(std::string_view text);

}  // namespace berth::cli
