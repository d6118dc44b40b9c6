#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

namespace berth {

enum class SizeUnits { kBinary = 1024, kDecimal = 1000 };

// "512", "64m", "1.5 GB", "10KiB": a number and a unit (b, k, m, g, t, p, with "b" or "ib" behind it, in any
// case). The texts for what is none are Docker's: invalid size: 'x'; invalid suffix: 'x'.
Result<std::int64_t> parse_size(const std::string& text, SizeUnits units);

// "64MiB", "1.5GiB": four significant digits.
std::string size_text(std::int64_t bytes);

}  // namespace berth
