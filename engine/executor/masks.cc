#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "engine/executor/mount_calls.h"
#include "engine/executor/rootfs.h"
#include "engine/sys/mount.h"
#include "engine/sys/mount_options.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

// Somebody who changes the image at this moment could otherwise move a folder, with what is mounted there,
// out of the way of its masks.
Result<UniqueFd> Rootfs::open_inside(const std::string& path) const {
    bool plain = path.find("..") == std::string::npos;
    for (auto mount = kernel_mounts_.rbegin(); plain && mount != kernel_mounts_.rend(); ++mount) {
        if (path.starts_with(mount->first + "/"))
            return sys::open_in_root(mount->second.get(), path.substr(mount->first.size() + 1), O_PATH);
    }
    return sys::open_in_root(root_.get(), path, O_PATH);
}

Result<> Rootfs::make_readonly(const std::string& path) {
    auto there = open_inside(path);
    if (!there) return there.error().sys_errno == ENOENT ? Result<>() : Result<>(Failure(there.error()));
    BERTH_TRY(UniqueFd clone, clone_mount(there->get(), true));
    BERTH_CHECK(attach(clone.get(), there->get()));
    return sys::set_mount_attributes(clone.get(), MOUNT_ATTR_RDONLY, 0, true);
}

Result<> Rootfs::mask(const std::string& path, UniqueFd& empty) {
    auto there = open_inside(path);
    if (!there) {
        bool absent = there.error().sys_errno == ENOENT || there.error().sys_errno == ENOTDIR;
        return absent ? Result<>() : Result<>(Failure(there.error()));
    }
    struct stat status{};
    if (::fstat(there->get(), &status) != 0) return fail_errno("stat " + path);
    if (S_ISDIR(status.st_mode)) {
        // One for all folders: nothing is in it, and nothing can be put there.
        if (!empty) {
            BERTH_TRY(empty,
                      sys::mount_detached({"tmpfs", "tmpfs", "", {"ro", "nr_blocks=1", "nr_inodes=1"}}));
            return attach(empty.get(), there->get());
        }
        BERTH_TRY(UniqueFd another, clone_mount(empty.get(), false));
        return attach(another.get(), there->get());
    }
    // What is bound over the file must be the kernel's /dev/null, whatever the image has there.
    BERTH_TRY(UniqueFd null, sys::open_in_root(root_.get(), "/dev/null", O_PATH | O_NOFOLLOW));
    if (::fstat(null.get(), &status) != 0) return fail_errno("stat /dev/null");
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
        return fail(ErrorKind::kForbidden, "/dev/null is not the null device");
    }
    BERTH_TRY(UniqueFd clone, clone_mount(null.get(), false));
    return attach(clone.get(), there->get());
}

Result<> Rootfs::mask_paths() {
    for (const std::string& path : spec_.linux_.readonly_paths)
        BERTH_CHECK(in("can't make \"" + path + "\" read-only", make_readonly(path)));
    UniqueFd empty;
    for (const std::string& path : spec_.linux_.masked_paths)
        BERTH_CHECK(in("can't mask path \"" + path + "\"", mask(path, empty)));
    return {};
}

}  // namespace berth::executor
