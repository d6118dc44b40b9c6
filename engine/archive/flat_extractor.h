#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/archive/tar_reader.h"

namespace berth::archive {

struct FlatFile {
    std::string name;  // clean path inside the archive
    std::string file;  // its name in the folder: "0", "1", …
    std::uint64_t size = 0;
};

// Hears of files while they are written: each begins, grows now and then, ends.
class FlatWatcher {
 public:
    virtual ~FlatWatcher() = default;
    virtual Result<> begun(const FlatFile& file) = 0;
    virtual Result<> grown(const FlatFile& file, std::uint64_t bytes) = 0;
    virtual Result<> ended(const FlatFile& file) = 0;
};

struct FlatLimits {
    std::uint64_t members, bytes;
};

// Writes the regular files of an archive into a folder under numbers and returns them; links to a file of the
// archive are there under their own name. They are sent to the disk as they grow, and not waited for.
// kInvalidArgument beyond the limits.
Result<std::vector<FlatFile>> extract_flat(TarReader& reader, int folder_fd, const FlatLimits& limits,
                                           FlatWatcher& watcher);

}  // namespace berth::archive
