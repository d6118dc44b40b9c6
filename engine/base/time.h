#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth {

// Wall-clock time in nanoseconds since 1970, UTC.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// Go's zero time, what the Docker API says for "never": 0001-01-01T00:00:00Z.
inline constexpr Timestamp kNever = Timestamp::min();

Timestamp now();

// RFC 3339 in UTC with as many fractional digits as needed (Go's RFC3339Nano): 2026-11-21T01:20:00.5Z.
// kNever gives 0001-01-01T00:00:00Z.
std::string format_rfc3339_nano(Timestamp time);
// RFC 3339 in UTC with exactly nine fractional digits, as docker logs --timestamps prints.
std::string format_rfc3339_fixed(Timestamp time);
// RFC 3339 with any fraction and any zone offset. 0001-01-01T00:00:00Z gives kNever.
Result<Timestamp> parse_rfc3339(std::string_view text);
// Seconds since 1970 with an optional fraction ("1795218516.062"), as since= and until= take them.
Result<Timestamp> parse_unix_time(std::string_view text);

// Go's duration syntax: "1h30m", "250ms", "1.5s", "0".
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace berth
