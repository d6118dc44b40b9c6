#include "volumes/copy_up.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "engine/base/digest.h"
#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/sys/safe_path.h"

namespace berth::volumes {

namespace {

// What a new file system has of its own.
constexpr std::string_view kLostAndFound = "lost+found";

Result<bool> is_empty(int folder_fd) {
    BERTH_TRY(const auto names, list_folder(folder_fd));
    return names.empty() || (names.size() == 1 && names[0] == kLostAndFound);
}

// Owner first: chown clears setuid and setgid.
Result<> take_over(int source_fd, int target_fd) {
    struct stat info{};
    if (fstat(source_fd, &info) != 0) return fail_errno("stat image folder");
    if (fchown(target_fd, info.st_uid, info.st_gid) != 0) return fail_errno("chown volume folder");
    if (fchmod(target_fd, info.st_mode & 07777) != 0) return fail_errno("chmod volume folder");
    return {};
}

Result<> remove_entry(int folder_fd, const std::string& name) {
    if (::unlinkat(folder_fd, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno("remove " + name);
    UniqueFd inner(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner) return fail_errno("open " + name);
    BERTH_TRY(const auto names, list_folder(inner.get()));
    for (const auto& below : names) BERTH_CHECK(remove_entry(inner.get(), below));
    if (::unlinkat(folder_fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return fail_errno("remove " + name);
    return {};
}

Result<> make_empty(int folder_fd) {
    BERTH_TRY(const auto names, list_folder(folder_fd));
    for (const auto& name : names)
        if (name != kLostAndFound) BERTH_CHECK(remove_entry(folder_fd, name));
    return {};
}

Result<> sync_folder(const std::string& path) {
    BERTH_TRY(auto folder, open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(folder.get()) != 0) return fail_errno("sync " + path);
    return {};
}

}  // namespace

FillMark::FillMark(const std::string& folder, const std::string& subpath)
    : folder_(folder), path_(folder + "/filling") {
    if (!subpath.empty()) path_ += "-" + std::string(sha256(subpath).hex().substr(0, 16));
}

bool FillMark::is_set() const {
    return exists(path_);
}

Result<> FillMark::set() const {
    return in("mark a volume as being filled", replace_file(path_, "", 0600, Sync::kData));
}

Result<> FillMark::clear() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return fail_errno("remove " + path_);
    return sync_folder(folder_);
}

Result<UniqueFd> open_inside(const std::string& mountpoint, const std::string& subpath) {
    BERTH_TRY(auto base, open_file(mountpoint, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (subpath.empty()) return base;
    auto inside = sys::open_beneath(base.get(), subpath, O_PATH);
    if (inside) return inside;
    if (inside.error().sys_errno == EXDEV) {
        return fail(ErrorKind::kInvalidArgument, "path concatenation escapes the base directory, base: " +
                                                     mountpoint + ", subpath: " + subpath);
    }
    const std::string path = mountpoint + "/" + subpath;
    return fail_errno("cannot access path " + path + ": lstat " + path, inside.error().sys_errno);
}

Result<> copy_up_to(const FillMark& mark, const std::string& mountpoint, const std::string& subpath,
                    int root_fd, const std::string& target, const TreeCopy& copy_tree) {
    BERTH_TRY(const auto place, open_inside(mountpoint, subpath));
    // Through the descriptor: what lies at the path may be another folder by now. A file is never filled.
    UniqueFd volume(::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!volume) return errno == ENOTDIR ? Result<>() : Result<>(fail_errno("open volume folder"));
    auto source = sys::open_in_root(root_fd, target, O_RDONLY | O_DIRECTORY);
    if (!source) {
        const int error = source.error().sys_errno;
        if (error == ENOENT) return {};
        if (error == ENOTDIR) {
            return fail(ErrorKind::kConflict,
                        "cannot mount volume over existing file, file exists " + target);
        }
        return Failure(std::move(source.error()));
    }
    if (mark.is_set()) {
        log::warning("a volume that was half filled is filled again", {{"volume", mountpoint}});
        BERTH_CHECK(in("empty a half filled volume", make_empty(volume.get())));
        BERTH_CHECK(mark.clear());
    }
    BERTH_TRY(const bool unused, is_empty(volume.get()));
    if (!unused) return {};
    BERTH_TRY(const bool nothing, is_empty(source->get()));
    if (nothing) return take_over(source->get(), volume.get());
    if (!copy_tree)
        return fail(ErrorKind::kNotImplemented,
                    "copying an image's files into a volume is not supported yet");
    BERTH_CHECK(mark.set());
    auto copied = copy_tree(source->get(), volume.get());
    // What cannot be taken back stays marked.
    if (!copied) BERTH_CHECK(make_empty(volume.get()));
    BERTH_CHECK(mark.clear());
    return in("error populating volume from the image's " + target, std::move(copied));
}

}  // namespace berth::volumes
