#include "engine/executor/rootfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/cgroup/hierarchy.h"
#include "engine/sys/mount.h"
#include "engine/sys/mount_options.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

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

Result<> set_propagation(int mount_fd, unsigned long flags) {
    if (::mount(nullptr, fd_path(mount_fd).c_str(), nullptr, flags, nullptr) != 0)
        return fail_errno("set propagation");
    return {};
}

Result<unsigned long> propagation_flag(const std::string& name) {
    if (name.empty() || name == "rslave") return static_cast<unsigned long>(MS_SLAVE | MS_REC);
    if (name == "slave") return static_cast<unsigned long>(MS_SLAVE);
    if (name == "rprivate") return static_cast<unsigned long>(MS_PRIVATE | MS_REC);
    if (name == "private") return static_cast<unsigned long>(MS_PRIVATE);
    if (name == "rshared") return static_cast<unsigned long>(MS_SHARED | MS_REC);
    if (name == "shared") return static_cast<unsigned long>(MS_SHARED);
    if (name == "unbindable") return static_cast<unsigned long>(MS_UNBINDABLE);
    if (name == "runbindable") return static_cast<unsigned long>(MS_UNBINDABLE | MS_REC);
    return fail(ErrorKind::kInvalidArgument, "rootfsPropagation: " + name + " is not a propagation");
}

// Mounts on or below /proc would hide what masks and limits rest on; these few files are what lxcfs serves.
bool proc_target_allowed(const std::string& path) {
    static constexpr std::string_view kAllowed[] = {"/proc/cpuinfo",
                                                    "/proc/diskstats",
                                                    "/proc/meminfo",
                                                    "/proc/stat",
                                                    "/proc/swaps",
                                                    "/proc/uptime",
                                                    "/proc/loadavg",
                                                    "/proc/slabinfo",
                                                    "/proc/net/dev",
                                                    "/proc/sys/kernel/ns_last_pid",
                                                    "/proc/sys/crypto/fips_enabled"};
    if (path != "/proc" && !path.starts_with("/proc/")) return true;
    return std::find(std::begin(kAllowed), std::end(kAllowed), path) != std::end(kAllowed);
}

bool is_folder(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) != 0 || S_ISDIR(status.st_mode);
}

}  // namespace

Result<> Rootfs::prepare() {
    BERTH_TRY(unsigned long propagation, propagation_flag(spec_.linux_.rootfs_propagation));
    if (::mount(nullptr, "/", nullptr, propagation, nullptr) != 0) return fail_errno("set propagation of /");
    // A mount of its own that pivot_root can take, whatever the path was.
    if (::mount(path_.c_str(), path_.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
        return fail_errno("error preparing rootfs: bind " + path_);
    }
    root_.reset(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return fail_errno("open " + path_);
    if (::mount(nullptr, fd_path(root_.get()).c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr) != 0) {
        return fail_errno("error preparing rootfs: make it private");
    }
    for (const oci::SpecMount& mount : spec_.mounts) {
        BERTH_CHECK(in("error mounting \"" + mount.source + "\" to rootfs at \"" + mount.destination + "\"",
                       add_mount(mount)));
    }
    return in("error creating device nodes", add_devices());
}

Result<UniqueFd> Rootfs::target_of(const oci::SpecMount& mount, bool file) {
    if (!file) return sys::make_folders_in_root(root_.get(), mount.destination, 0755, 0, 0);
    auto there = sys::open_in_root(root_.get(), mount.destination, O_PATH);
    if (there || there.error().sys_errno != ENOENT) return there;
    auto slash = mount.destination.rfind('/');
    BERTH_TRY(UniqueFd folder,
              sys::make_folders_in_root(root_.get(), mount.destination.substr(0, slash + 1), 0755, 0, 0));
    std::string name = mount.destination.substr(slash + 1);
    UniqueFd made(
        ::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
    if (!made) return fail_errno("create " + mount.destination);
    return sys::open_in_root(root_.get(), mount.destination, O_PATH);
}

Result<> Rootfs::add_mount(const oci::SpecMount& mount) {
    if (mount.destination.empty() || mount.destination.front() != '/') {
        return fail(ErrorKind::kInvalidArgument,
                    "mount destination " + mount.destination + " is not absolute");
    }
    if (mount.type == "cgroup" || mount.type == "cgroup2") return mount_cgroups(mount);
    BERTH_TRY(sys::MountOptions options, sys::parse_mount_options(mount.options));
    bool bind = options.bind || mount.type == "bind";
    BERTH_TRY(UniqueFd target, target_of(mount, bind && !is_folder(mount.source)));
    BERTH_TRY(std::string real, sys::resolve_in_root(root_.get(), mount.destination));
    bool kernel_proc = mount.type == "proc" || mount.type == "sysfs";
    if (kernel_proc && real != mount.destination) {
        return fail(ErrorKind::kInvalidArgument, "must be mounted on ordinary directory");
    }
    if (mount.type != "proc" && !proc_target_allowed(real)) {
        return fail(ErrorKind::kInvalidArgument,
                    "\"" + real + "\" cannot be mounted because it is inside /proc");
    }
    std::vector<std::string> words = mount.options;
    if (mount.type == "bind" && !options.bind) words.push_back("rbind");
    BERTH_TRY(UniqueFd detached, sys::mount_detached({bind ? "bind" : mount.type, mount.source, "", words}));
    BERTH_CHECK(attach(detached.get(), target.get()));
    for (unsigned long flags : options.propagation) BERTH_CHECK(set_propagation(detached.get(), flags));
    return {};
}

// Version 2: one mount. Version 1: a tmpfs with a folder a controller; without a cgroup namespace each shows
// the container's own cgroup only.
Result<> Rootfs::mount_cgroups(const oci::SpecMount& mount) {
    BERTH_TRY(cgroup::Layout layout, cgroup::current_layout());
    BERTH_TRY(UniqueFd target, sys::make_folders_in_root(root_.get(), mount.destination, 0755, 0, 0));
    const auto& spaces = spec_.linux_.namespaces;
    bool own_space = std::any_of(spaces.begin(), spaces.end(),
                                 [](const oci::Namespace& space) { return space.type == "cgroup"; });
    bool readonly = std::find(mount.options.begin(), mount.options.end(), "ro") != mount.options.end();
    std::vector<std::string> words = {"nosuid", "nodev", "noexec"};
    if (readonly) words.emplace_back("ro");
    auto one = [&](const cgroup::Hierarchy& hierarchy, int at) -> Result<> {
        std::vector<std::string> all = words;
        sys::Mount detached{"bind", hierarchy.mount_point + cgroup_path_, "", all};
        if (own_space) {
            detached.type = hierarchy.unified ? "cgroup2" : "cgroup";
            detached.source = "cgroup";
            for (const std::string& controller : hierarchy.controllers)
                detached.options.push_back(controller);
        } else {
            detached.options.emplace_back("bind");
        }
        BERTH_TRY(UniqueFd fd, sys::mount_detached(detached));
        return attach(fd.get(), at);
    };
    if (layout.unified_only()) return one(layout.hierarchies.front(), target.get());
    BERTH_TRY(UniqueFd tmpfs,
              sys::mount_detached({"tmpfs", "tmpfs", "", {"nosuid", "nodev", "noexec", "mode=755"}}));
    BERTH_CHECK(attach(tmpfs.get(), target.get()));
    for (const cgroup::Hierarchy& hierarchy : layout.hierarchies) {
        std::string name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/') + 1);
        if (::mkdirat(tmpfs.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
            return fail_errno("mkdir " + name);
        UniqueFd at(::openat(tmpfs.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!at) return fail_errno("open " + name);
        BERTH_CHECK(one(hierarchy, at.get()));
        // "cpu,cpuacct" is found under each of its names.
        for (const std::string& controller : hierarchy.controllers) {
            if (controller != name && controller.find('=') == std::string::npos) {
                if (::symlinkat(name.c_str(), tmpfs.get(), controller.c_str()) != 0 && errno != EEXIST)
                    return fail_errno("symlink " + controller);
            }
        }
    }
    return readonly ? sys::set_mount_attributes(tmpfs.get(), MOUNT_ATTR_RDONLY, 0, false) : Result<>();
}

Result<> Rootfs::add_device(const oci::Device& device) {
    mode_t type = device.type == "c" || device.type == "u" ? S_IFCHR
                  : device.type == "b"                     ? S_IFBLK
                  : device.type == "p"                     ? S_IFIFO
                                                           : 0;
    if (type == 0) return fail(ErrorKind::kInvalidArgument, "invalid device type: " + device.type);
    auto slash = device.path.rfind('/');
    if (device.path.empty() || device.path[0] != '/' || slash + 1 == device.path.size()) {
        return fail(ErrorKind::kInvalidArgument, "invalid device path: " + device.path);
    }
    BERTH_TRY(UniqueFd folder,
              sys::make_folders_in_root(root_.get(), device.path.substr(0, slash + 1), 0755, 0, 0));
    std::string name = device.path.substr(slash + 1);
    mode_t mode = device.file_mode.value_or(0666) & 07777;
    if (::mknodat(folder.get(), name.c_str(), type | mode, makedev(device.major, device.minor)) != 0) {
        return errno == EEXIST ? Result<>() : Result<>(fail_errno("mknod " + device.path));
    }
    // By name in the container's own /dev, which nobody else is in yet.
    if (::fchownat(folder.get(), name.c_str(), device.uid.value_or(0), device.gid.value_or(0),
                   AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(folder.get(), name.c_str(), mode, 0) != 0) {
        return fail_errno("chmod " + device.path);
    }
    return {};
}

Result<> Rootfs::add_devices() {
    bool own_dev = std::any_of(spec_.mounts.begin(), spec_.mounts.end(), [](const oci::SpecMount& mount) {
        return mount.destination == "/dev" && mount.type == "tmpfs";
    });
    // A /dev that the user has bound in is his.
    if (!own_dev) return {};
    const oci::Device basic[] = {{"/dev/null", "c", 1, 3},   {"/dev/zero", "c", 1, 5},
                                 {"/dev/full", "c", 1, 7},   {"/dev/tty", "c", 5, 0},
                                 {"/dev/random", "c", 1, 8}, {"/dev/urandom", "c", 1, 9}};
    for (const oci::Device& device : spec_.linux_.devices) BERTH_CHECK(add_device(device));
    for (const oci::Device& device : basic) BERTH_CHECK(add_device(device));
    BERTH_TRY(UniqueFd dev, sys::open_in_root(root_.get(), "/dev", O_PATH | O_DIRECTORY));
    static constexpr const char* kLinks[][2] = {{"pts/ptmx", "ptmx"},
                                                {"/proc/self/fd", "fd"},
                                                {"/proc/self/fd/0", "stdin"},
                                                {"/proc/self/fd/1", "stdout"},
                                                {"/proc/self/fd/2", "stderr"}};
    for (const auto& link : kLinks) {
        if (::symlinkat(link[0], dev.get(), link[1]) != 0 && errno != EEXIST)
            return fail_errno(std::string("symlink ") + link[1]);
    }
    return {};
}

Result<> Rootfs::enter() {
    if (::fchdir(root_.get()) != 0) return fail_errno("enter the root");
    if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno("pivot_root");
    // The old root lies on top of the new one. Nothing of what happens to it may reach the host.
    if (::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
        return fail_errno("make the old root a slave");
    if (::umount2(".", MNT_DETACH) != 0) return fail_errno("leave the old root");
    if (::chdir("/") != 0) return fail_errno("chdir /");
    root_.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return root_ ? Result<>() : Result<>(fail_errno("open /"));
}

Result<> Rootfs::make_readonly(const std::string& path) {
    auto there = sys::open_in_root(root_.get(), path, O_PATH);
    if (!there) return there.error().sys_errno == ENOENT ? Result<>() : Result<>(Failure(there.error()));
    UniqueFd clone(
        static_cast<int>(::syscall(SYS_open_tree, there->get(), "",
                                   AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
    if (!clone) return fail_errno("open_tree " + path);
    BERTH_CHECK(sys::set_mount_attributes(clone.get(), MOUNT_ATTR_RDONLY, 0, true));
    return attach(clone.get(), there->get());
}

Result<> Rootfs::mask(const std::string& path) {
    auto there = sys::open_in_root(root_.get(), path, O_PATH);
    if (!there) {
        bool absent = there.error().sys_errno == ENOENT || there.error().sys_errno == ENOTDIR;
        return absent ? Result<>() : Result<>(Failure(there.error()));
    }
    struct stat status{};
    if (::fstat(there->get(), &status) != 0) return fail_errno("stat " + path);
    if (S_ISDIR(status.st_mode)) {
        BERTH_TRY(UniqueFd empty, sys::mount_detached({"tmpfs", "tmpfs", "", {"ro"}}));
        return attach(empty.get(), there->get());
    }
    // What is bound over the file must be the kernel's /dev/null, whatever the image has there.
    BERTH_TRY(UniqueFd null, sys::open_in_root(root_.get(), "/dev/null", O_PATH | O_NOFOLLOW));
    if (::fstat(null.get(), &status) != 0) return fail_errno("stat /dev/null");
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
        return fail(ErrorKind::kForbidden, "/dev/null is not the null device");
    }
    UniqueFd clone(static_cast<int>(
        ::syscall(SYS_open_tree, null.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!clone) return fail_errno("open_tree /dev/null");
    return attach(clone.get(), there->get());
}

Result<> Rootfs::seal() {
    for (const std::string& path : spec_.linux_.readonly_paths)
        BERTH_CHECK(in("readonly path " + path, make_readonly(path)));
    for (const std::string& path : spec_.linux_.masked_paths)
        BERTH_CHECK(in("masked path " + path, mask(path)));
    if (!spec_.root.readonly) return {};
    return in("make the root read-only", sys::set_mount_attributes(root_.get(), MOUNT_ATTR_RDONLY, 0, false));
}

}  // namespace berth::executor
