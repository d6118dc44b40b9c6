#include "engine/executor/mount_calls.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::executor {

std::string fd_path(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

Result<> attach(int mount_fd, int target_fd) {
    if (::syscall(SYS_move_mount, mount_fd, "", target_fd, "",
                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
        return fail_errno("move_mount");
    }
    return {};
}

Result<UniqueFd> clone_mount(int fd, bool recursive) {
    unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
    UniqueFd clone(static_cast<int>(::syscall(SYS_open_tree, fd, "", flags)));
    if (!clone) return fail_errno("open_tree");
    return clone;
}

Result<> set_propagation(int mount_fd, unsigned long flags) {
    if (::mount(nullptr, fd_path(mount_fd).c_str(), nullptr, flags, nullptr) != 0)
        return fail_errno("set propagation");
    return {};
}

}  // namespace berth::executor
