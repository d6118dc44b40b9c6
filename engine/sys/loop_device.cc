#include "engine/sys/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"

namespace berth::sys {

namespace {

constexpr int kLoopMajor = 7;

// udev makes the node a moment later, or not at all in a container without it.
Result<UniqueFd> open_node(const std::string& path, int number, int flags) {
    auto node = open_file(path, flags);
    if (node || node.error().sys_errno != ENOENT) return node;
    if (::mknod(path.c_str(), S_IFBLK | 0660, makedev(kLoopMajor, number)) != 0 && errno != EEXIST)
        return fail_errno("mknod " + path);
    return open_file(path, flags);
}

}  // namespace

Result<LoopDevice> attach_loop(const std::string& file, bool read_only) {
    const int flags = read_only ? O_RDONLY : O_RDWR;
    BERTH_TRY(auto backing, open_file(file, flags));
    BERTH_TRY(auto control, open_file("/dev/loop-control", O_RDWR));
    loop_config config{};
    config.fd = static_cast<__u32>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), file.c_str(), LO_NAME_SIZE - 1);
    // Somebody else may take the free one first.
    for (int attempt = 0; attempt < 64; ++attempt) {
        const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0) return fail_errno("find a free loop device");
        LoopDevice device;
        device.path = "/dev/loop" + std::to_string(number);
        BERTH_TRY(device.fd, open_node(device.path, number, flags));
        if (::ioctl(device.fd.get(), LOOP_CONFIGURE, &config) == 0) return device;
        if (errno != EBUSY) return fail_errno("attach " + file);
    }
    return fail_errno("attach " + file, EBUSY);
}

}  // namespace berth::sys
