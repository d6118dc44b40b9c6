#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/archive/byte_source.h"

namespace berth::archive {

// One header of a tar, its extensions (PAX, GNU) applied. Names are bytes, as written.
struct TarEntry {
    enum class Type { kFile, kFolder, kSymlink, kHardLink, kCharDevice, kBlockDevice, kFifo, kOther } type = Type::kOther;
    std::string path, link;  // link: of a symbolic or hard link
    mode_t mode = 0;         // permission bits, set-id and sticky
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint64_t size = 0;
    timespec mtime{};
    dev_t device = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;
};

// Reads tar entries one after another. kInvalidArgument for what is no tar: "archive/tar: invalid tar header",
// "unexpected EOF". No bytes at all is an archive without entries.
class TarReader {
   public:
    explicit TarReader(ByteSource& source);
    ~TarReader();

    // false at the end of the archive; bytes behind it are not read.
    Result<bool> next(TarEntry& entry);
    // The current file's content as blocks; holes of sparse files are left out.
    using Block = std::function<Result<>(std::uint64_t offset, std::string_view bytes)>;
    Result<> content(const Block& block);

    struct Impl;

   private:
    std::unique_ptr<Impl> impl_;
};

// The path without "." and "..", as if from a root: "./a/../b/" is "b"; "" for the root itself.
std::string clean_path(std::string_view path);

}  // namespace berth::archive
