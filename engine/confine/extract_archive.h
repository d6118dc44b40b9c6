#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/confine/helper.h"

namespace berth::confine {

// A regular file of an archive. `name` is the cleaned path inside it, relative, without "." and ".."
// ("manifest.json", "blobs/sha256/…"); `file` is what it is called in the folder it was extracted to ("0",
// "1", …). Links to a file of the same archive appear under their own name with the `file` they lead to, as
// older docker-archives share their layers.
struct ArchiveMember {
    std::string name;
    std::string file;
    std::uint64_t size = 0;
};

struct ArchiveLimits {
    std::uint64_t members = 65536;
    std::uint64_t bytes = std::uint64_t{256} << 30;  // of all files together
};

// Reads a tar (plain, gzip or zstd) to its end and writes its regular files flat into `folder`, which must be
// empty and private to the caller (0700): owner root, mode 0600, no links among them, not synced. Folders,
// devices and the like are passed over. Of two members with one name the later counts. Empty input gives no
// members. Open the files with O_NOFOLLOW and believe nothing in them. Errors as unpack.h has them.
Result<std::vector<ArchiveMember>> extract_archive(HelperOptions options, Reader archive,
                                                   const std::string& folder, ArchiveLimits limits = {});

}  // namespace berth::confine
