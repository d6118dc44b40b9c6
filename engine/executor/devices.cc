#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/executor/mount_calls.h"
#include "engine/executor/rootfs.h"
#include "engine/sys/mount_options.h"
#include "engine/sys/safe_path.h"

namespace berth::executor {

namespace {

mode_t type_of(const oci::Device& device) {
    if (device.type == "c" || device.type == "u") return S_IFCHR;
    if (device.type == "b") return S_IFBLK;
    return device.type == "p" ? S_IFIFO : 0;
}

}  // namespace

const std::vector<oci::Device>& basic_devices() {
    static const std::vector<oci::Device> basic = {{"/dev/null", "c", 1, 3},   {"/dev/zero", "c", 1, 5},
                                                   {"/dev/full", "c", 1, 7},   {"/dev/tty", "c", 5, 0},
                                                   {"/dev/random", "c", 1, 8}, {"/dev/urandom", "c", 1, 9}};
    return basic;
}

// Where no node can be made (a user namespace): the host's own.
Result<> Rootfs::bind_device(const oci::Device& device, int folder, const std::string& name) {
    UniqueFd hosts(::open(device.path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (!hosts || ::fstat(hosts.get(), &status) != 0) return fail_errno("open the host's " + device.path);
    bool same =
        (status.st_mode & S_IFMT) == type_of(device) && status.st_rdev == makedev(device.major, device.minor);
    if (!same) return fail(ErrorKind::kForbidden, "the host's " + device.path + " is another device");
    UniqueFd made(
        ::openat(folder, name.c_str(), O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
    if (!made) return fail_errno("create " + device.path);
    BERTH_TRY(UniqueFd clone, clone_mount(hosts.get(), false));
    return in(device.path, attach(clone.get(), made.get()));
}

Result<> Rootfs::add_device(const oci::Device& device) {
    mode_t type = type_of(device);
    if (type == 0) return fail(ErrorKind::kInvalidArgument, "invalid device type: " + device.type);
    auto slash = device.path.rfind('/');
    if (device.path.empty() || device.path[0] != '/' || slash + 1 == device.path.size()) {
        return fail(ErrorKind::kInvalidArgument, "invalid device path: " + device.path);
    }
    BERTH_TRY(UniqueFd folder,
              sys::make_folders_in_root(root_.get(), device.path.substr(0, slash + 1), 0755, 0, 0));
    std::string name = device.path.substr(slash + 1);
    mode_t mode = device.file_mode.value_or(0666) & 07777;
    dev_t number = type == S_IFIFO ? 0 : makedev(device.major, device.minor);
    if (::mknodat(folder.get(), name.c_str(), type | mode, number) != 0) {
        if (errno == EEXIST) return {};
        if (errno == EPERM && type != S_IFIFO) return bind_device(device, folder.get(), name);
        return fail_errno("mknod " + device.path);
    }
    uid_t uid = device.uid.value_or(0);
    gid_t gid = device.gid.value_or(0);
    if (uid == 0 && gid == 0) return {};
    // A /dev of the image's may be shared with somebody: only what was just made changes hands.
    UniqueFd made(::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!made || ::fstat(made.get(), &status) != 0) return fail_errno("open " + device.path);
    if ((status.st_mode & S_IFMT) != type || (type != S_IFIFO && status.st_rdev != number))
        return fail(ErrorKind::kForbidden, device.path + " was replaced");
    if (::fchownat(made.get(), "", uid, gid, AT_EMPTY_PATH) != 0) return fail_errno("chown " + device.path);
    return {};
}

Result<> Rootfs::add_links(int dev) {
    static constexpr const char* kLinks[][2] = {{"pts/ptmx", "ptmx"},
                                                {"/proc/self/fd", "fd"},
                                                {"/proc/self/fd/0", "stdin"},
                                                {"/proc/self/fd/1", "stdout"},
                                                {"/proc/self/fd/2", "stderr"}};
    for (const auto& link : kLinks) {
        if (::symlinkat(link[0], dev, link[1]) == 0) continue;
        if (errno != EEXIST) return fail_errno(std::string("symlink ") + link[1]);
        // A multiplexer of the image's would hand out terminals of the host.
        bool ptmx = std::string_view(link[1]) == "ptmx";
        if (ptmx && (::unlinkat(dev, link[1], 0) != 0 || ::symlinkat(link[0], dev, link[1]) != 0))
            return fail_errno("symlink ptmx");
    }
    struct stat status{};
    bool core = ::fstatat(root_.get(), "proc/kcore", &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (core && ::symlinkat("/proc/kcore", dev, "core") != 0 && errno != EEXIST)
        return fail_errno("symlink core");
    return {};
}

Result<> Rootfs::add_devices() {
    // A /dev that the user has bound in is his.
    for (const oci::SpecMount& mount : spec_.mounts) {
        BERTH_TRY(sys::MountOptions options, sys::parse_mount_options(mount.options));
        bool dev = mount.destination == "/dev" || mount.destination == "/dev/";
        if (dev && (options.bind || mount.type == "bind")) return {};
    }
    // The spec's mode is the node's, whatever the umask.
    mode_t before = ::umask(0);
    auto all = [&]() -> Result<> {
        for (const oci::Device& device : spec_.linux_.devices) BERTH_CHECK(add_device(device));
        for (const oci::Device& device : basic_devices()) BERTH_CHECK(add_device(device));
        return {};
    }();
    ::umask(before);
    BERTH_CHECK(std::move(all));
    BERTH_TRY(UniqueFd dev, sys::open_in_root(root_.get(), "/dev", O_PATH | O_DIRECTORY));
    return add_links(dev.get());
}

}  // namespace berth::executor
