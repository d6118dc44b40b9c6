#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace berth::archive {

// One member of a tar, its extensions (PAX, GNU) applied, unjudged: names are bytes, as written, and may be
// absolute, full of ".." or anything else.
struct TarEntry {
    enum class Type {
        kFile,
        kFolder,
        kSymlink,
        kHardLink,
        kCharDevice,
        kBlockDevice,
        kFifo,
        kOther
    } type = Type::kOther;
    std::string path, link;  // link: of a symbolic or hard link
    mode_t mode = 0;         // permission bits, set-id and sticky
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint64_t size = 0;  // holes included
    timespec mtime{};
    dev_t device = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;
};

}  // namespace berth::archive
