#include "engine/confine/handed_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/sys/mount_options.h"
#include "engine/sys/safe_path.h"

namespace berth::confine {

namespace {

// A mount can be cloned from a path of it only while it is attached (before Linux 6.15): it lies on top of
// the root for that moment.
Result<UniqueFd> part_of(int mount_fd, const std::string& path) {
    if (::move_mount(mount_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail_errno("attach a mount");
    auto part = [&]() -> Result<UniqueFd> {
        BERTH_TRY(const UniqueFd inside, sys::open_in_root(mount_fd, path, O_PATH));
        return sys::clone_mount(inside.get());
    }();
    if (::fchdir(mount_fd) != 0 || ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
        return fail_errno("detach a mount");
    return part;
}

}  // namespace

Result<UniqueFd> take_handed(const sys::Mount& mount, int first) {
    char* end = nullptr;
    const int number = static_cast<int>(std::strtol(mount.source.c_str(), &end, 10));
    UniqueFd tree(::fcntl(first + number, F_DUPFD_CLOEXEC, 0));
    if (!tree) return fail_errno("take a mount");
    if (*end != '\0') {
        BERTH_TRY(tree, part_of(tree.get(), end));
    }
    BERTH_TRY(const auto options, sys::parse_mount_options(mount.options));
    if ((options.set_all | options.clear_all) != 0)
        BERTH_CHECK(sys::set_mount_attributes(tree.get(), options.set_all, options.clear_all, true));
    if ((options.set | options.clear) != 0)
        BERTH_CHECK(sys::set_mount_attributes(tree.get(), options.set, options.clear, false));
    return tree;
}

}  // namespace berth::confine
