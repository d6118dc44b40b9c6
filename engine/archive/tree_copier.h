#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

// Copies a folder's tree into another folder: owners, modes, attributes, times, hard links, holes, devices,
// FIFOs and sockets. Nothing is followed; what is mounted below the source is left out. Trees of any depth
// and any length of path take the same few descriptors.
class TreeCopier {
 public:
    explicit TreeCopier(int target_fd);
    // Called now and then while it works; what it fails with ends the copy.
    using Progress = std::function<Result<>(std::uint64_t bytes, std::uint64_t entries)>;
    void on_progress(Progress progress) { progress_ = std::move(progress); }

    Result<> copy(int source_fd);
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t entries() const { return entries_; }

 private:
    struct Level;  // the folder being copied, on both sides
    Result<> copy_folder(Level& level);
    Result<> copy_entry(Level& level, const std::string& name, unsigned char type);
    Result<> copy_child(Level& level, const std::string& name, UniqueFd from);
    Result<> copy_file(Level& level, const std::string& name, UniqueFd from);
    Result<> copy_link(Level& level, const std::string& name, const struct stat& status);
    Result<> copy_node(Level& level, const std::string& name, const struct stat& status);
    Result<bool> link_again(Level& level, const std::string& name, const struct stat& status);
    Result<> copy_content(int from, int to, const struct stat& status);
    Result<> copy_range(int from, int to, off_t at, off_t end);
    Result<> report();

    int target_root_;
    dev_t device_ = 0;
    std::string path_;  // of what is being copied, for messages and links
    std::uint64_t bytes_ = 0, entries_ = 0, reported_ = 0;
    Progress progress_;
    bool kernel_copies_ = true;  // until copy_file_range says that it cannot
    std::vector<char> buffer_;
    // Files with several names, and where the first one went.
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

}  // namespace berth::archive
