#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/confine/helper.h"
#include "engine/confine/tar_input.h"

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

// Hears of files while they are extracted, in the thread that waits for the end.
class ArchiveWatcher {
 public:
    virtual ~ArchiveWatcher() = default;
    // It will have `member.size` bytes; so many are there; all are. What is small comes all at once.
    virtual void begun(const ArchiveMember& member) = 0;
    virtual void grown(const std::string& file, std::uint64_t bytes) = 0;
    virtual void ended(const std::string& file) = 0;
};

struct ArchiveLimits {
    std::uint64_t members = 65536;
    std::uint64_t bytes = std::uint64_t{256} << 30;  // of all files together
};

struct ArchiveReport {
    std::vector<ArchiveMember> members;
    bool body_ended = false;  // the HTTP body was read to its end and not beyond
};

// Reads a tar (plain or compressed) to its end and writes its regular files flat into `folder`, which must be
// empty and private to the caller (0700): owner root, mode 0600, no links among them, on their way to the
// disk but not synced. Folders, devices and the like are passed over. Of two members with one name the later
// counts. Empty input gives no members. Open the files with O_NOFOLLOW and believe nothing in them. Waits for
// input as long as somebody may write it. Errors as unpack.h has them.
Result<ArchiveReport> extract_archive(HelperOptions options, const TarInput& archive,
                                      const std::string& folder, ArchiveWatcher* watcher = nullptr,
                                      ArchiveLimits limits = {});

}  // namespace berth::confine
