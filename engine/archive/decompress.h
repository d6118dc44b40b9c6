#pragma once

#include <memory>

#include "engine/archive/byte_source.h"
#include "engine/archive/compression.h"

namespace berth::archive {

// The uncompressed bytes of `source`: gzip, zstd, bzip2 or xz by their first bytes, else as they are; `found`
// is told which. `source` must outlive the result. Memory is bounded: what asks for a window over 32 MiB
// (zstd) or 64 MiB (xz) is refused. kInvalidArgument with Go's texts: "unexpected EOF", "gzip: invalid
// header", "gzip: invalid checksum".
Result<std::unique_ptr<ByteSource>> decompress(ByteSource& source, Compression* found = nullptr);

}  // namespace berth::archive
