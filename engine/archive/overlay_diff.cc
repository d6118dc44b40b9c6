#include "engine/archive/overlay_diff.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "engine/archive/whiteout.h"

namespace berth::archive {

namespace {

bool is_opaque(int folder_fd) {
    char mark[2];
    return ::fgetxattr(folder_fd, "trusted.overlay.opaque", mark, sizeof mark) == 1 && mark[0] == 'y';
}

UniqueFd open_folder(int folder_fd, const std::string& name) {
    return UniqueFd(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::string capability_of(int folder_fd, const std::string& name) {
    UniqueFd file(
        ::openat(folder_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    char value[64];
    ssize_t size = file ? ::fgetxattr(file.get(), "security.capability", value, sizeof value) : -1;
    return size > 0 ? std::string(value, static_cast<std::size_t>(size)) : "";
}

// A folder's size and time say nothing of a change.
bool differs(const struct stat& before, const struct stat& now) {
    if (before.st_mode != now.st_mode || before.st_uid != now.st_uid || before.st_gid != now.st_gid ||
        before.st_rdev != now.st_rdev)
        return true;
    if (S_ISDIR(now.st_mode)) return false;
    return before.st_size != now.st_size || before.st_mtim.tv_sec != now.st_mtim.tv_sec ||
           before.st_mtim.tv_nsec != now.st_mtim.tv_nsec;
}

struct Found {
    struct stat status{};
    std::size_t layer = 0;
};

// What the layers below have under a name, the topmost that speaks of it.
std::optional<Found> find_below(const std::vector<UniqueFd>& lower, const std::string& name) {
    for (std::size_t layer = 0; layer < lower.size(); ++layer) {
        Found found{.layer = layer};
        if (::fstatat(lower[layer].get(), name.c_str(), &found.status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (is_whiteout(found.status)) return {};
        return found;
    }
    return {};
}

// The folders that make up folder `name` of the layers below.
std::vector<UniqueFd> folders_below(const std::vector<UniqueFd>& lower, const std::string& name,
                                    std::size_t first) {
    std::vector<UniqueFd> out;
    for (std::size_t layer = first; layer < lower.size(); ++layer) {
        UniqueFd folder = open_folder(lower[layer].get(), name);
        if (!folder && errno == ENOENT) continue;
        // A file or a whiteout ends what can shine through.
        if (!folder) break;
        bool last = is_opaque(folder.get());
        out.push_back(std::move(folder));
        if (last) break;
    }
    return out;
}

// The names a folder of the layers below has, whiteouts applied.
Result<std::set<std::string>> names_below(const std::vector<UniqueFd>& lower) {
    std::set<std::string> all;
    for (const UniqueFd& folder : lower) {
        BERTH_TRY(auto names, sorted_names(folder.get()));
        all.insert(names.begin(), names.end());
    }
    std::erase_if(all, [&](const std::string& name) { return !find_below(lower, name); });
    return all;
}

}  // namespace

struct OverlayDiff::Folder {
    Folder* parent = nullptr;
    std::string path, name;  // path: "" for the root
    UniqueFd upper;
    std::vector<UniqueFd> lower;
    bool opaque = false;
    bool told = true;  // or still to be told as modified, once something below it is
};

Result<> OverlayDiff::walk(const Visit& visit) {
    visit_ = &visit;
    Folder root;
    root.upper = open_folder(upper_, ".");
    if (!root.upper) return fail_errno("open the upper folder");
    for (int fd : lower_) {
        root.lower.push_back(open_folder(fd, "."));
        if (!root.lower.back()) return fail_errno("open a layer");
    }
    return walk_folder(root);
}

Result<> OverlayDiff::walk_folder(Folder& folder) {
    BERTH_TRY(auto names, in("read " + folder.path, sorted_names(folder.upper.get())));
    if (folder.opaque) BERTH_CHECK(tell_hidden(folder, names));
    for (const std::string& name : names) BERTH_CHECK(walk_entry(folder, name));
    return {};
}

// What an opaque folder takes away by not having it.
Result<> OverlayDiff::tell_hidden(Folder& folder, const std::vector<std::string>& own) {
    BERTH_TRY(auto before, names_below(folder.lower));
    for (const std::string& name : before) {
        if (std::binary_search(own.begin(), own.end(), name)) continue;
        BERTH_CHECK(tell(folder, {Change::Kind::kDeleted, folder.path + "/" + name}, name, nullptr));
    }
    return {};
}

Result<> OverlayDiff::walk_entry(Folder& folder, const std::string& name) {
    struct stat now{};
    if (::fstatat(folder.upper.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? Result<>() : Result<>(fail_errno("stat " + folder.path + "/" + name));
    std::string path = folder.path + "/" + name;
    auto before = find_below(folder.lower, name);
    if (is_whiteout(now)) {
        if (!before) return {};
        return tell(folder, {Change::Kind::kDeleted, path}, name, nullptr);
    }
    if (!before) {
        BERTH_CHECK(tell(folder, {Change::Kind::kAdded, path}, name, &now));
        return S_ISDIR(now.st_mode) ? descend(folder, name, path, true) : Result<>();
    }
    // A name of a file that has others: they are to stay one file.
    const bool linked = S_ISREG(now.st_mode) && now.st_nlink > 1;
    bool changed = linked || differs(before->status, now) ||
                   (S_ISREG(now.st_mode) && capability_of(folder.upper.get(), name) !=
                                                capability_of(folder.lower[before->layer].get(), name));
    if (changed) BERTH_CHECK(tell(folder, {Change::Kind::kModified, path}, name, &now));
    return S_ISDIR(now.st_mode) ? descend(folder, name, path, changed) : Result<>();
}

Result<> OverlayDiff::descend(Folder& folder, const std::string& name, const std::string& path, bool told) {
    Folder below;
    below.parent = &folder;
    below.path = path;
    below.name = name;
    below.told = told;
    below.upper = open_folder(folder.upper.get(), name);
    if (!below.upper) return errno == ENOENT ? Result<>() : Result<>(fail_errno("open " + path));
    below.opaque = is_opaque(below.upper.get());
    if (auto before = find_below(folder.lower, name); before && S_ISDIR(before->status.st_mode))
        below.lower = folders_below(folder.lower, name, before->layer);
    return walk_folder(below);
}

Result<> OverlayDiff::tell(Folder& folder, const Change& change, const std::string& name,
                           const struct stat* status) {
    if (!folder.told) {
        folder.told = true;
        struct stat own{};
        if (::fstat(folder.upper.get(), &own) != 0) return fail_errno("stat " + folder.path);
        const Change modified{Change::Kind::kModified, folder.path};
        BERTH_CHECK(tell(*folder.parent, modified, folder.name, &own));
    }
    return (*visit_)(change, folder.upper.get(), name, status);
}

Result<> archive_diff(OverlayDiff& diff, TarWriter& out, const IdMaps& ids) {
    TreeArchiver archiver(out, ids);
    BERTH_CHECK(diff.walk([&](const Change& change, int folder_fd, const std::string& name,
                              const struct stat* status) -> Result<> {
        std::string path = change.path.substr(1);
        if (change.kind != Change::Kind::kDeleted) return archiver.add_entry(folder_fd, name, path, *status);
        TarEntry whiteout;
        whiteout.type = TarEntry::Type::kFile;
        whiteout.path = path.substr(0, path.size() - name.size()) + ".wh." + name;
        return out.add(whiteout);
    }));
    return out.finish();
}

}  // namespace berth::archive
