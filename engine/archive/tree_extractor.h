#pragma once

#include <optional>
#include <string>
#include <utility>

#include "engine/archive/entry_writer.h"
#include "engine/archive/tar_reader.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

struct ExtractOptions {
    bool keep_kinds = false;  // a folder is not replaced by something else, nor the reverse
    // The first part of every path (and of hard links' targets) that is the first of these becomes the
    // second.
    std::pair<std::string, std::string> rename;
    std::optional<std::pair<uid_t, gid_t>> owner;  // of everything, instead of what the archive says
    IdMaps ids;                                    // the archive's owners are those of a user namespace
};

// Unpacks a tar into a folder that is in use, as `docker cp` does: what is there is replaced, folders are
// merged, links on the way are followed inside the root. The error texts are Docker's.
class TreeExtractor {
 public:
    // `folder`: where to, a clean path from the root, "" for the root itself.
    TreeExtractor(int root_fd, std::string folder, ExtractOptions options)
        : root_(root_fd), folder_(std::move(folder)), options_(std::move(options)), writer_(root_fd, true) {}
    // Reads the archive to its end.
    Result<> extract(TarReader& reader);
    std::uint64_t entries() const { return entries_; }

 private:
    Result<> extract_one(TarReader& reader, const TarEntry& entry);
    Result<Place> place_of(const std::string& path);
    Result<> clear_way(const Place& place, const TarEntry& entry);
    std::string renamed(const std::string& path) const;
    std::string below(const std::string& path) const;

    int root_;
    std::string folder_;
    ExtractOptions options_;
    EntryWriter writer_;
    std::uint64_t entries_ = 0;
    // The parent of the last entry: neighbours come one after another.
    std::string cached_path_;
    UniqueFd cached_folder_;
};

}  // namespace berth::archive
