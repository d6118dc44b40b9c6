#include "engine/confine/mount_at.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "engine/confine/helper_process.h"
#include "engine/confine/wire.h"
#include "engine/sys/loop_device.h"
#include "engine/sys/mount_options.h"

namespace berth::confine {

namespace {

bool is_regular_file(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

Result<> mount_here(sys::Mount mount, bool loop) {
    const std::string target = std::move(mount.target);
    mount.target.clear();
    BERTH_TRY(const auto options, sys::parse_mount_options(mount.options));
    sys::LoopDevice device;
    if (!options.bind && (loop || is_regular_file(mount.source))) {
        BERTH_TRY(device, sys::attach_loop(mount.source, (options.set & MOUNT_ATTR_RDONLY) != 0));
        mount.source = device.path;
    }
    BERTH_TRY(const UniqueFd mounted, sys::mount_detached(mount));
    BERTH_CHECK(sys::move_mount(mounted.get(), target));
    for (unsigned long flags : options.propagation) {
        if (::mount(nullptr, target.c_str(), nullptr, flags, nullptr) == 0) continue;
        auto failure = fail_errno("set propagation");
        (void)::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
        return failure;
    }
    return {};
}

}  // namespace

Result<> mount_at(const HelperOptions& options, const sys::Mount& mount, bool loop) {
    std::vector<std::string> arguments{"mount", mount.type, mount.source, mount.target, loop ? "loop" : ""};
    arguments.insert(arguments.end(), mount.options.begin(), mount.options.end());
    BERTH_TRY(HelperProcess helper, HelperProcess::start(options, std::move(arguments), -1, -1, {}));
    auto done = helper.finish();
    if (done) return {};
    if (done.error().kind == ErrorKind::kDeadlineExceeded) done.error().sys_errno = ETIMEDOUT;
    return Failure(std::move(done.error()));
}

bool is_mount_task(std::span<char* const> arguments) {
    return arguments.size() >= 5 && std::string_view(arguments[0]) == "mount";
}

Result<std::string> run_mount_task(std::span<char* const> arguments) {
    sys::Mount mount{arguments[1], arguments[2], arguments[3], {arguments.begin() + 5, arguments.end()}};
    BERTH_CHECK(mount_here(std::move(mount), std::string_view(arguments[4]) == "loop"));
    return encode_record({"done", "", "0", "0"});
}

}  // namespace berth::confine
