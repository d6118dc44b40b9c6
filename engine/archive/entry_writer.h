#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/archive/metadata.h"
#include "engine/archive/tar_reader.h"
#include "engine/base/id_maps.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

// Where an entry goes: a name in a folder that somebody else holds by descriptor. `path` is the same from the
// root.
struct Place {
    int folder = -1;
    std::string path, name;
};

// kInvalidArgument for an owner whom `ids` do not map.
Result<Metadata> metadata_of(const TarEntry& entry, const IdMaps& ids);

// openat() of a name that is no link, O_CLOEXEC.
Result<UniqueFd> open_entry(int folder_fd, const char* name, int flags, mode_t mode = 0600);

// Makes on disk what tar entries say, with owner, mode, attributes and time. Nothing is followed.
class EntryWriter {
 public:
    // `root_fd`: what links and folder times are relative to. `through_links`: folders may have been reached
    // through symbolic links inside the root.
    explicit EntryWriter(int root_fd, bool through_links = false)
        : root_(root_fd), through_links_(through_links) {}

    // `entry` at `place`. `clear_way` takes away what is there already, but for a folder that a folder comes
    // to. `link`: the clean path from the root of what a hard link leads to.
    Result<> create(TarReader& reader, const TarEntry& entry, const Place& place, const Metadata& metadata,
                    const std::string& link, const std::function<Result<>()>& clear_way);
    // Writing into a folder changes its time: they are set when all is there.
    void note_folder_time(std::string path, const timespec& mtime) {
        folder_times_.emplace_back(std::move(path), mtime);
    }
    Result<> set_folder_times();

 private:
    Result<> create_file(TarReader& reader, const TarEntry& entry, const Place& place,
                         const Metadata& metadata);
    Result<> create_folder(const Place& place, const Metadata& metadata);
    Result<> create_hard_link(const TarEntry& entry, const Place& place, const std::string& link);
    Result<> create_node(const TarEntry& entry, const Place& place, const Metadata& metadata);

    int root_;
    bool through_links_;
    std::vector<std::pair<std::string, timespec>> folder_times_;
};

}  // namespace berth::archive
