#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

// Copies a folder's tree into another folder: owners, modes, attributes, times, hard links, holes, devices.
// Nothing is followed; what is mounted below the source is left out.
class TreeCopier {
 public:
    explicit TreeCopier(int target_fd) : target_root_(target_fd) {}
    Result<> copy(int source_fd);
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t entries() const { return entries_; }

 private:
    Result<> copy_folder(int source, int target, const std::string& path);
    Result<> copy_entry(int source, int target, const std::string& name, const std::string& path);
    Result<> copy_file(int source, int target, const std::string& name, const struct stat& status);
    Result<> copy_content(int from, int to, off_t size);

    int target_root_;
    dev_t device_ = 0;
    std::uint64_t bytes_ = 0, entries_ = 0;
    std::map<std::pair<dev_t, ino_t>, std::string>
        linked_;  // files with several names, and where the first one went
};

}  // namespace berth::archive
