#include "engine/executor/rootfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/files.h"
#include "engine/executor/mount_calls.h"
#include "engine/sys/mount_options.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

Result<unsigned long> propagation_flag(const std::string& name) {
    if (name.empty() || name == "rslave") return static_cast<unsigned long>(MS_SLAVE | MS_REC);
    if (name == "slave") return static_cast<unsigned long>(MS_SLAVE);
    if (name == "rprivate") return static_cast<unsigned long>(MS_PRIVATE | MS_REC);
    if (name == "private") return static_cast<unsigned long>(MS_PRIVATE);
    if (name == "rshared") return static_cast<unsigned long>(MS_SHARED | MS_REC);
    if (name == "shared") return static_cast<unsigned long>(MS_SHARED);
    if (name == "unbindable") return static_cast<unsigned long>(MS_UNBINDABLE);
    if (name == "runbindable") return static_cast<unsigned long>(MS_UNBINDABLE | MS_REC);
    return fail(ErrorKind::kInvalidArgument, "rootfsPropagation=" + name + " is not supported");
}

// The mount that `path` lies on becomes private, so that a bind on it stays here.
Result<> make_parent_private(std::string path) {
    while (::mount(nullptr, path.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
        if (errno != EINVAL || path == "/") return fail_errno("make the parent mount of the root private");
        path = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    }
    return {};
}

// proc and sysfs of outside, with all that they show, must not stay behind below a root that was only moved.
Result<> hide_kernel_mounts(const std::string& root) {
    BERTH_TRY(std::string text, read_file("/proc/self/mountinfo"));
    for (std::size_t at = 0; at < text.size();) {
        std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        std::vector<std::string> words;
        for (std::size_t from = 0; from < line.size();) {
            words.push_back(line.substr(from, line.find(' ', from) - from));
            from += words.back().size() + 1;
        }
        auto dash = std::find(words.begin(), words.end(), "-");
        if (words.size() < 6 || words.end() - dash < 2) continue;
        const std::string& place = words[4];
        bool kernel = dash[1] == "proc" || dash[1] == "sysfs";
        if (!kernel || words[3] != "/" || place == root || place.starts_with(root + "/")) continue;
        if (::mount(nullptr, place.c_str(), nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
            return fail_errno("make " + place + " a slave");
        if (::umount2(place.c_str(), MNT_DETACH) == 0) continue;
        // What came from another user namespace cannot be taken away, only covered.
        if (errno != EINVAL && errno != EPERM) return fail_errno("unmount " + place);
        if (::mount("tmpfs", place.c_str(), "tmpfs", MS_RDONLY, nullptr) != 0)
            return fail_errno("cover " + place);
    }
    return {};
}

}  // namespace

Result<> Rootfs::prepare() {
    BERTH_TRY(unsigned long propagation, propagation_flag(spec_.linux_.rootfs_propagation));
    // Nothing could be bound out of an unbindable tree; what becomes the root is made so at the end.
    unsigned long first =
        (propagation & MS_UNBINDABLE) != 0 ? MS_PRIVATE | (propagation & MS_REC) : propagation;
    // The host's own mounts stay as they are for a container that shares them.
    bool own = spaces_.has(CLONE_NEWNS);
    if (own && ::mount(nullptr, "/", nullptr, first, nullptr) != 0)
        return fail_errno("error preparing rootfs: set propagation of /");
    if (own && ((first & MS_SHARED) != 0 || (first & MS_REC) == 0))
        BERTH_CHECK(in("error preparing rootfs", make_parent_private(path_)));
    // A mount of its own that pivot_root can take, whatever the path was.
    if (::mount(path_.c_str(), path_.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
        return fail_errno("error preparing rootfs: bind " + path_);
    }
    root_.reset(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return fail_errno("open " + path_);
    if (::mount(nullptr, fd_path(root_.get()).c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr) != 0) {
        return fail_errno("error preparing rootfs: make it private");
    }
    for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
        const oci::SpecMount& mount = spec_.mounts[i];
        BERTH_CHECK(in("error mounting \"" + mount.source + "\" to rootfs at \"" + mount.destination + "\"",
                       add_mount(i)));
    }
    BERTH_CHECK(join_cgroup());
    return in("error creating device nodes", add_devices());
}

Result<> Rootfs::join_cgroup() {
    if (joined_) return {};
    joined_ = true;
    return help_.join_cgroup();
}

Result<> Rootfs::go_there() const {
    return ::fchdir(root_.get()) == 0 ? Result<>() : Result<>(fail_errno("enter the root"));
}

Result<> Rootfs::enter(bool pivot) {
    BERTH_CHECK(go_there());
    if (!spaces_.has(CLONE_NEWNS)) {
        if (::chroot(".") != 0) return fail_errno("chroot");
    } else if (pivot) {
        BERTH_TRY(UniqueFd old, open_file("/", O_PATH | O_DIRECTORY));
        if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno("pivot_root");
        // It lies on top of the new one, and "." is below it. Nothing of what happens to it may reach the
        // host.
        if (::fchdir(old.get()) != 0) return fail_errno("enter the old root");
        if (::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
            return fail_errno("make the old root a slave");
        if (::umount2(".", MNT_DETACH) != 0) return fail_errno("leave the old root");
    } else {
        BERTH_CHECK(hide_kernel_mounts(path_));
        if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return fail_errno("move the root");
        if (::chroot(".") != 0) return fail_errno("chroot");
    }
    if (::chdir("/") != 0) return fail_errno("chdir /");
    BERTH_TRY(unsigned long propagation, propagation_flag(spec_.linux_.rootfs_propagation));
    bool outward = (propagation & (MS_SHARED | MS_UNBINDABLE)) != 0;
    if (outward && ::mount(nullptr, "/", nullptr, propagation, nullptr) != 0)
        return fail_errno("unable to apply root propagation flags");
    root_.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return root_ ? Result<>() : Result<>(fail_errno("open /"));
}

Result<> Rootfs::finish() {
    for (const UniqueFd& mount : readonly_later_)
        BERTH_CHECK(in("make a tmpfs read-only",
                       sys::set_mount_attributes(mount.get(), MOUNT_ATTR_RDONLY, 0, false)));
    readonly_later_.clear();
    kernel_mounts_.clear();
    if (spec_.root.readonly)
        BERTH_CHECK(in("make the root read-only",
                       sys::set_mount_attributes(root_.get(), MOUNT_ATTR_RDONLY, 0, false)));
    root_.reset();
    return {};
}

}  // namespace berth::executor
