#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/archive/tar_writer.h"
#include "engine/base/id_maps.h"

namespace berth::archive {

// Puts what lies on disk into a tar: owners, modes, attributes, hard links, devices, FIFOs; sockets have no
// place in one. Names of a folder come sorted. Nothing is followed; what vanishes or changes its kind while
// it is read, and what may not be read, is left out.
class TreeArchiver {
 public:
    // `ids`: the owners in the archive are those of a user namespace.
    explicit TreeArchiver(TarWriter& out, IdMaps ids = {}) : out_(out), ids_(std::move(ids)) {}

    // `name` of the folder and all that is below it. In the archive it is called `as`, and what is below
    // "AS/…"; with an empty `as`, `name` must be a folder and only what is below it is put in.
    Result<> add(int folder_fd, const std::string& name, const std::string& as);
    // `name` alone; `status` is what fstatat() said of it.
    Result<> add_entry(int folder_fd, const std::string& name, const std::string& as,
                       const struct stat& status);
    std::uint64_t entries() const { return entries_; }

 private:
    Result<> add_below(int folder_fd, const std::string& as);
    Result<> add_file(int folder_fd, const std::string& name, TarEntry entry, const struct stat& status);

    TarWriter& out_;
    IdMaps ids_;
    std::uint64_t entries_ = 0;
    // Files with several names, and what the first one is called.
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

// What list_folder() says, in order.
Result<std::vector<std::string>> sorted_names(int folder_fd);

}  // namespace berth::archive
