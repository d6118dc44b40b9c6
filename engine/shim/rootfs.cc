#include "engine/shim/rootfs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "engine/shim/protocol/bundle.h"

// <sys/mount.h> and <linux/mount.h> cannot be included together in glibc 2.36.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;

namespace berth::shim {

namespace {

bool mount_id(const std::string& path, unsigned long long& id) {
    struct statx status{};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &status) != 0) return false;
    id = status.stx_mnt_id;
    return true;
}

int run(void* context, const char** stage) {
    const RootPlan& plan = *static_cast<const RootPlan*>(context);
    *stage = "unshare mount namespace";
    if (::unshare(CLONE_NEWNS) != 0) return errno;
    // Only the mount that the bundle lies on stops sharing with the host: the others must stay what they are,
    // for volumes with rslave and rshared.
    *stage = "make the state folder's mount a slave";
    if (::mount(nullptr, plan.mount_point.c_str(), nullptr, MS_SLAVE, nullptr) != 0) return errno;
    *stage = "bind the root folder";
    if (::mount(kRootFolder, kRootFolder, nullptr, MS_BIND, nullptr) != 0) return errno;
    if (::mount(nullptr, kRootFolder, nullptr, MS_PRIVATE, nullptr) != 0) return errno;
    *stage = "attach the root mount";
    if (::syscall(SYS_move_mount, plan.root_fd, "", AT_FDCWD, kRootFolder, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return errno;
    *stage = "attach a mount";
    for (const auto& place : plan.more) {
        if (::syscall(SYS_move_mount, place.mount.get(), "", AT_FDCWD, place.path.c_str(),
                      MOVE_MOUNT_F_EMPTY_PATH) != 0)
            return errno;
    }
    return 0;
}

}  // namespace

Result<std::string> mount_point_here() {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) == nullptr) return fail_errno("getcwd");
    std::string path = here;
    unsigned long long id = 0, parent_id = 0;
    if (!mount_id(path, id)) return fail_errno("statx " + path);
    while (path != "/") {
        auto slash = path.find_last_of('/');
        std::string parent = slash == 0 ? "/" : path.substr(0, slash);
        if (!mount_id(parent, parent_id)) return fail_errno("statx " + parent);
        if (parent_id != id) break;
        path = std::move(parent);
    }
    return path;
}

sys::SpawnHook attach_root(RootPlan& plan) {
    return {run, &plan};
}

}  // namespace berth::shim
