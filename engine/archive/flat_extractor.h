#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/archive/tar_reader.h"

namespace berth::archive {

struct FlatFile {
    std::string name;  // clean path inside the archive
    std::string file;  // its name in the folder: "0", "1", …
    std::uint64_t size = 0;
};

// Writes the regular files of an archive into a folder under numbers and tells each; links to a file of the
// archive are told under their own name. kInvalidArgument beyond the limits.
Result<> extract_flat(TarReader& reader, int folder_fd, std::uint64_t max_members, std::uint64_t max_bytes,
                      const std::function<void(const FlatFile&)>& tell);

}  // namespace berth::archive
