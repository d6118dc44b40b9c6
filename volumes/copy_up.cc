#include "volumes/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include "engine/base/files.h"
#include "engine/sys/safe_path.h"

namespace berth::volumes {

namespace {

// Reads through a description of its own, so that the caller's offset stays.
Result<bool> is_empty(int folder_fd) {
    const int own = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) return fail_errno("read volume folder");
    std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(own), closedir);
    if (!folder) return fail_errno("read volume folder");
    while (const dirent* entry = readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") return false;
    }
    return true;
}

// Owner first: chown clears setuid and setgid.
Result<> take_over(int source_fd, int target_fd) {
    struct stat info{};
    if (fstat(source_fd, &info) != 0) return fail_errno("stat image folder");
    if (fchown(target_fd, info.st_uid, info.st_gid) != 0) return fail_errno("chown volume folder");
    if (fchmod(target_fd, info.st_mode & 07777) != 0) return fail_errno("chmod volume folder");
    return {};
}

}  // namespace

Result<> copy_up_to(const std::string& mountpoint, int root_fd, const std::string& target,
                    const TreeCopy& copy_tree) {
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
    BERTH_TRY(const auto volume, open_file(mountpoint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    BERTH_TRY(const bool unused, is_empty(volume.get()));
    if (!unused) return {};
    BERTH_TRY(const bool nothing, is_empty(source->get()));
    if (nothing) return take_over(source->get(), volume.get());
    if (!copy_tree)
        return fail(ErrorKind::kNotImplemented,
                    "copying an image's files into a volume is not supported yet");
    return in("error populating volume from the image's " + target, copy_tree(source->get(), volume.get()));
}

}  // namespace berth::volumes
