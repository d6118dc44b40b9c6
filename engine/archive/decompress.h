#pragma once

#include <memory>

#include "engine/archive/byte_source.h"

namespace berth::archive {

// The uncompressed bytes of `source`: gzip (any number of members) or zstd by their first bytes, else as they
// are. `source` must outlive the result. Memory is bounded: a zstd frame that asks for a window over 32 MiB
// is refused. kInvalidArgument with Go's texts: "unexpected EOF", "gzip: invalid header", "gzip: invalid
// checksum".
Result<std::unique_ptr<ByteSource>> decompress(ByteSource& source);

}  // namespace berth::archive
