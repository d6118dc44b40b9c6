#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/archive/tree_archiver.h"
#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

struct Change {
    enum class Kind { kModified = 0, kAdded = 1, kDeleted = 2 };  // the API's numbers
    Kind kind = Kind::kModified;
    std::string path;  // "/etc/passwd"
};

// What the upper folder of an overlay changes of the layers below it, as Docker counts: a file that was
// copied up and is the same in mode, owner, size and time is no change; a folder is modified when something
// below it is; of a folder that is gone only itself is told. Folders come before what is below them, names
// sorted.
class OverlayDiff {
 public:
    // `lower`: the folders of the layers below, topmost first. The descriptors must outlive the walk.
    OverlayDiff(int upper, std::vector<int> lower) : upper_(upper), lower_(std::move(lower)) {}

    // `folder_fd` and `name` are where the change lies in the upper folder; `status` is null for what is
    // deleted.
    using Visit = std::function<Result<>(const Change& change, int folder_fd, const std::string& name,
                                         const struct stat* status)>;
    Result<> walk(const Visit& visit);

 private:
    struct Folder;
    Result<> walk_folder(Folder& folder);
    Result<> walk_entry(Folder& folder, const std::string& name);
    Result<> descend(Folder& folder, const std::string& name, const std::string& path, bool told);
    Result<> tell_hidden(Folder& folder, const std::vector<std::string>& own);
    Result<> tell(Folder& folder, const Change& change, const std::string& name, const struct stat* status);

    int upper_;
    std::vector<int> lower_;
    const Visit* visit_ = nullptr;
};

// The diff as an image layer: what is deleted becomes a whiteout. `ids` as TreeArchiver takes them.
Result<> archive_diff(OverlayDiff& diff, TarWriter& out, const IdMaps& ids = {});

}  // namespace berth::archive
