#include "engine/sys/mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include "engine/sys/detached_mount.h"

namespace berth::sys {

Result<UniqueFd> mount_detached(const Mount& mount) {
    BERTH_TRY(MountOptions options, parse_mount_options(mount.options));
    if (options.bind && mount.type.empty()) options.data.clear();
    auto mounted = mount_by_context(mount, options);
    if (mounted) return mounted;
    int reason = mounted.error().sys_errno;
    if (reason != EINVAL && reason != ENOSYS) return mounted;
    auto second = mount_in_child(mount, options);
    // Options that are plainly wrong fail both ways; the first answer has the kernel's own words.
    if (!second && second.error().sys_errno == EINVAL) return mounted;
    return second;
}

Result<UniqueFd> clone_mount(int fd) {
    UniqueFd tree(::open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!tree) return fail_errno("clone a mount");
    return tree;
}

Result<> move_mount(int mount_fd, const std::string& target) {
    if (::move_mount(mount_fd, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
        return fail_errno("attach a mount at " + target);
    }
    return {};
}

}  // namespace berth::sys
