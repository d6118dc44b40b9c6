#include "engine/confine/enclosure.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "engine/confine/path_rules.h"
#include "engine/confine/syscall_filter.h"

namespace berth::confine {

namespace {

// SYS_ADMIN is for trusted.overlay.* attributes alone: no call that it allows anything else in passes the
// filter.
constexpr int kKept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
                         CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP,         CAP_SYS_ADMIN};

Result<> change_root(int target_fd) {
    BERTH_CHECK(leave_namespaces());
    // The descriptor's mount belongs to the namespace that was left: the folder is looked up again, and must
    // be the same one.
    char path[4096];
    ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(target_fd)).c_str(), path, sizeof path - 1);
    if (size < 0) return fail_errno("find the target");
    path[size] = '\0';
    if (::mount(path, path, nullptr, MS_BIND, nullptr) != 0) return fail_errno("bind the target");
    int again = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (again < 0) return fail_errno("open the target");
    struct stat wanted{}, found{};
    if (::fstat(target_fd, &wanted) != 0 || ::fstat(again, &found) != 0) return fail_errno("stat the target");
    if (wanted.st_dev != found.st_dev || wanted.st_ino != found.st_ino)
        return fail_errno("find the target", ESTALE);
    auto pivoted = pivot_to(again);
    ::close(again);
    if (!pivoted) return pivoted;
    return reopen_root(target_fd);
}

Result<> drop_capabilities() {
    std::uint64_t kept = 0;
    for (int capability : kKept) kept |= std::uint64_t{1} << capability;
    for (int capability = 0; capability < 64; ++capability) {
        if ((kept >> capability & 1) != 0) continue;
        if (::prctl(PR_CAPBSET_DROP, capability) != 0 && errno == EINVAL) break;
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) != 0) return fail_errno("capget");
    for (int word = 0; word < 2; ++word) {
        // What the caller lacks stays lacking.
        data[word].permitted &= static_cast<std::uint32_t>(kept >> (32 * word));
        data[word].effective = data[word].permitted;
        data[word].inheritable = 0;
    }
    if (::syscall(SYS_capset, &header, data) != 0) return fail_errno("capset");
    return {};
}

Result<> set_limits() {
    auto limit = [](int resource, rlim_t value) {
        rlimit limit{value, value};
        return ::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0;
    };
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_AS, rlim_t{1} << 30)) return fail_errno("set limits");
    // Trees are walked with a descriptor for each level.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) limit(RLIMIT_NOFILE, files.rlim_max);
    return {};
}

}  // namespace

Result<UniqueFd> clone_folder(const std::string& path) {
    UniqueFd tree(static_cast<int>(
        ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!tree) return fail_errno("open " + path);
    return tree;
}

Result<> leave_namespaces() {
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
        return fail_errno("unshare");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return fail_errno("make mounts private");
    return {};
}

Result<> pivot_to(int mount_fd) {
    if (::fchdir(mount_fd) != 0) return fail_errno("enter the new root");
    if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno("pivot_root");
    // The old root lies on top of the new one now.
    if (::umount2(".", MNT_DETACH) != 0) return fail_errno("leave the old root");
    if (::chdir("/") != 0) return fail_errno("enter the new root");
    return {};
}

Result<> reopen_root(int fd) {
    int root = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || ::dup3(root, fd, O_CLOEXEC) < 0) return fail_errno("open the root");
    ::close(root);
    return {};
}

Result<> enter_enclosure(int target_fd, std::span<const int> readable) {
    BERTH_CHECK(change_root(target_fd));
    return lock_down(target_fd, readable);
}

Result<> lock_down(int root_fd, std::span<const int> readable) {
    BERTH_CHECK(set_limits());
    BERTH_CHECK(drop_capabilities());
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
    restrict_paths(root_fd, readable);
    return filter_syscalls();
}

}  // namespace berth::confine
