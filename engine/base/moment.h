#pragma once

#include <string>

#include "engine/base/time.h"

namespace berth {

// A point in time as an `until` filter names it: a span back from now ("24h", "-1h" is to come), a date or
// a time with or without a zone and perhaps without its end, which is local then ("2026-11-21T15:04"), or
// seconds since 1970.
Result<Timestamp> parse_moment(const std::string& text);

}  // namespace berth
