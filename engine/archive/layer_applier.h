#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/archive/entry_writer.h"
#include "engine/archive/tar_reader.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

// Applies a layer to an empty folder that becomes an overlay layer. Entries come in the archive's order: a
// later one replaces an earlier one of its name, folders are merged. Whiteouts speak of the layers below
// only. Every path is walked inside the folder; what leads out of it ends at its root.
class LayerApplier {
 public:
    // `parents`: the folders of the layers below, topmost first, for the owner and mode of folders that the
    // archive does not name itself. The descriptors must outlive the applier.
    LayerApplier(int root_fd, std::vector<int> parents)
        : root_(root_fd), parents_(std::move(parents)), writer_(root_fd) {}
    // The layers below are not there yet: an archive that needs them is kConflict.
    void without_parents() { alone_ = true; }
    // The archive's owners are those of a user namespace.
    void map_ids(const IdMaps& ids) { ids_ = ids; }

    // Reads the archive to its end. Errors name the entry they are about.
    Result<> apply(TarReader& reader);
    std::uint64_t entries() const { return entries_; }
    // Whether the archive says what the root's owner and mode are.
    bool names_root() const { return names_root_; }

 private:
    Result<> apply_one(TarReader& reader, const TarEntry& entry);
    Result<Place> place_of(const std::string& path);
    Result<UniqueFd> open_parent(const std::string& path);
    Result<UniqueFd> make_parent(const std::string& path);
    Metadata inherited(const std::string& path) const;
    Result<> hide_below_root();
    Result<> whiteout(const Place& place, const std::string& hidden);
    Result<> clear_way(const Place& place, const TarEntry& entry);

    int root_;
    std::vector<int> parents_;
    std::uint64_t entries_ = 0;
    bool root_opaque_ = false, names_root_ = false, alone_ = false;
    EntryWriter writer_;
    IdMaps ids_;
    // The parent of the last entry: neighbours come one after another.
    std::string cached_path_;
    UniqueFd cached_folder_;
};

}  // namespace berth::archive
