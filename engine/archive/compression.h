#pragma once

#include <cstddef>
#include <string_view>

namespace berth::archive {

enum class Compression { kNone, kGzip, kZstd, kBzip2, kXz };

// By the first bytes, of which kCompressionHead tell.
inline constexpr std::size_t kCompressionHead = 6;
Compression compression_of(std::string_view head);

}  // namespace berth::archive
