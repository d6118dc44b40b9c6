#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/archive/byte_source.h"
#include "engine/archive/tar_entry.h"

namespace berth::archive {

// Reads tar entries one after another: V7, POSIX with PAX extended headers, GNU (long names, base-256
// numbers, sparse files old and new), star. As strict as Go's archive/tar, with its texts: "archive/tar:
// invalid tar header", "unexpected EOF" (kInvalidArgument). No bytes at all is an archive without entries. At
// most 1 MiB of an entry's extensions is held.
class TarReader {
 public:
    explicit TarReader(ByteSource& source);
    ~TarReader();

    // false at the end of the archive; bytes behind it are not read.
    Result<bool> next(TarEntry& entry);
    // The current file's content as blocks; holes of sparse files are left out.
    using Block = std::function<Result<>(std::uint64_t offset, std::string_view bytes)>;
    Result<> content(const Block& block);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The path without "." and "..", as if from a root: "./a/../b/" is "b"; "" for the root itself.
std::string inner_path(std::string_view path);

}  // namespace berth::archive
