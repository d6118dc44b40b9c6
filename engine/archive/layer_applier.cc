#include "engine/archive/layer_applier.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "engine/archive/remove_entry.h"
#include "engine/archive/whiteout.h"
#include "engine/base/files.h"
#include "engine/sys/safe_path.h"

namespace berth::archive {

namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kWhiteoutMeta = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::uint64_t kMaxEntries = 10'000'000;

Failure needs_parents() {
    return fail(ErrorKind::kConflict, "the layer speaks of the layers below");
}

Result<> make_opaque(int folder) {
    if (::fsetxattr(folder, "trusted.overlay.opaque", "y", 1, 0) != 0) return fail_errno("mark opaque");
    return {};
}

Result<> hide(int folder, const std::string& name) {
    if (::mknodat(folder, name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
    if (errno != EEXIST) return fail_errno("mknod");
    // The layer has the name itself: only what is below is meant. A folder hides it by being opaque.
    UniqueFd own(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return own ? make_opaque(own.get()) : Result<>();
}

}  // namespace

Result<> LayerApplier::apply(TarReader& reader) {
    TarEntry entry;
    while (true) {
        BERTH_TRY(bool more, reader.next(entry));
        if (!more) break;
        if (++entries_ > kMaxEntries)
            return fail(ErrorKind::kInvalidArgument, "too many entries in the archive");
        auto applied = apply_one(reader, entry);
        // A broken archive speaks for itself; anything else is told with the name it is about.
        if (!applied && applied.error().sys_errno != 0) return in(entry.path, std::move(applied));
        if (!applied) return applied;
    }
    if (root_opaque_ && alone_) return needs_parents();
    if (root_opaque_) BERTH_CHECK(in("hide the layers below", hide_below_root()));
    cached_folder_.reset();
    return writer_.set_folder_times();
}

Result<> LayerApplier::apply_one(TarReader& reader, const TarEntry& entry) {
    if (entry.type == TarEntry::Type::kOther) return {};
    std::string path = inner_path(entry.path);
    if (path.empty()) {
        // "./" speaks of the root itself.
        if (entry.type != TarEntry::Type::kFolder) return {};
        names_root_ = true;
        writer_.note_folder_time("", entry.mtime);
        UniqueFd root(::openat(root_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!root) return fail_errno("open");
        BERTH_TRY(const Metadata metadata, metadata_of(entry, ids_));
        return set_metadata(root.get(), metadata);
    }
    BERTH_TRY(Place place, place_of(path));
    if (path == kOpaque) {
        root_opaque_ = true;
        return {};
    }
    if (place.name == kOpaque) return make_opaque(place.folder);
    // AUFS's own bookkeeping says nothing to overlay.
    if (place.name.starts_with(kWhiteoutMeta)) return {};
    if (place.name.starts_with(kWhiteout)) return whiteout(place, place.name.substr(kWhiteout.size()));
    BERTH_TRY(const Metadata metadata, metadata_of(entry, ids_));
    return writer_.create(reader, entry, place, metadata, inner_path(entry.link),
                          [&] { return clear_way(place, entry); });
}

Metadata LayerApplier::inherited(const std::string& path) const {
    for (int parent : parents_) {
        UniqueFd below(sys::openat2(parent, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0,
                                    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
        struct stat status{};
        if (below && ::fstat(below.get(), &status) == 0) {
            return {.mode = status.st_mode & 07777,
                    .uid = status.st_uid,
                    .gid = status.st_gid,
                    .mtime = status.st_mtim};
        }
    }
    const Owner root = ids_.root();
    return {.mode = 0755, .uid = root.uid, .gid = root.gid, .mtime = {0, UTIME_NOW}};
}

Result<UniqueFd> LayerApplier::open_parent(const std::string& path) {
    if (path.empty()) {
        UniqueFd root(::openat(root_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!root) return fail_errno("open");
        return root;
    }
    auto folder = sys::open_in_root(root_, path, O_RDONLY | O_DIRECTORY);
    if (folder || (folder.error().sys_errno != ENOENT && folder.error().sys_errno != ENOTDIR)) return folder;
    return make_parent(path);
}

// A folder that the archive names only as part of a path.
Result<UniqueFd> LayerApplier::make_parent(const std::string& path) {
    auto slash = path.rfind('/');
    if (alone_) return needs_parents();
    std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    BERTH_TRY(UniqueFd folder, open_parent(above));
    // A layer that hides NAME and has NAME/x means: only x.
    struct stat status{};
    bool hidden =
        ::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(status);
    if (hidden && ::unlinkat(folder.get(), name.c_str(), 0) != 0) return fail_errno("remove");
    if (::mkdirat(folder.get(), name.c_str(), 0700) != 0) {
        return fail_errno("mkdir", errno == EEXIST ? ENOTDIR : errno);
    }
    BERTH_TRY(UniqueFd made, open_entry(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    if (hidden) BERTH_CHECK(make_opaque(made.get()));
    Metadata metadata = inherited(path);
    BERTH_CHECK(set_metadata(made.get(), metadata));
    if (metadata.mtime.tv_nsec != UTIME_NOW) writer_.note_folder_time(path, metadata.mtime);
    return made;
}

Result<Place> LayerApplier::place_of(const std::string& path) {
    auto slash = path.rfind('/');
    std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    Place place{.path = path, .name = slash == std::string::npos ? path : path.substr(slash + 1)};
    if (place.name.size() > 255) return fail_errno("open", ENAMETOOLONG);
    if (!cached_folder_ || cached_path_ != above) {
        BERTH_TRY(cached_folder_, open_parent(above));
        cached_path_ = above;
    }
    place.folder = cached_folder_.get();
    return place;
}

Result<> LayerApplier::whiteout(const Place& place, const std::string& hidden) {
    if (hidden.empty() || hidden == "." || hidden == "..") {
        return fail(ErrorKind::kInvalidArgument, "invalid whiteout name: " + place.path);
    }
    return hide(place.folder, hidden);
}

// Overlay does not look at the mark of a layer's root: every name that the layers below have there is hidden
// instead.
Result<> LayerApplier::hide_below_root() {
    for (int parent : parents_) {
        BERTH_TRY(const auto names, list_folder(parent));
        for (const std::string& name : names) BERTH_CHECK(hide(root_, name));
    }
    return {};
}

Result<> LayerApplier::clear_way(const Place& place, const TarEntry& entry) {
    struct stat status{};
    if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<>() : Result<>(fail_errno("stat"));
    }
    if (S_ISDIR(status.st_mode) && entry.type == TarEntry::Type::kFolder) return {};
    bool was_whiteout = is_whiteout(status);
    BERTH_CHECK(remove_entry(place.folder, place.name));
    // What the whiteout hid must not shine through the folder that takes its place.
    if (!was_whiteout || entry.type != TarEntry::Type::kFolder) return {};
    if (::mkdirat(place.folder, place.name.c_str(), 0700) != 0) return fail_errno("mkdir");
    BERTH_TRY(UniqueFd folder, open_entry(place.folder, place.name.c_str(), O_RDONLY | O_DIRECTORY));
    return make_opaque(folder.get());
}

}  // namespace berth::archive
