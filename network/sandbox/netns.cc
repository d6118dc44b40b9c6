#include "network/sandbox/netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/base/undo.h"

namespace berth::network {
namespace {

constexpr const char* kOwnNetns = "/proc/thread-self/ns/net";

Result<> on_own_thread(const std::function<Result<>()>& work) {
    Result<> result;
    std::thread([&] { result = work(); }).join();
    return result;
}

Result<> enter_here(const std::string& path) {
    BERTH_TRY(auto fd, open_file(path, O_RDONLY));
    if (::setns(fd.get(), CLONE_NEWNET) != 0) return fail_errno("enter network namespace " + path);
    return {};
}

Result<> create_here(const std::string& handle, const std::function<Result<>(int)>& inside,
                     const std::string& from) {
    if (!from.empty()) BERTH_CHECK(enter_here(from));
    if (from.empty() && ::unshare(CLONE_NEWNET) != 0) return fail_errno("create network namespace");
    UndoStack undo;
    BERTH_CHECK(open_file(handle, O_RDONLY | O_CREAT | O_EXCL, 0444));
    undo.push([&] {
        if (auto removed = remove_netns(handle); !removed)
            log::error("cannot remove network namespace",
                       {{"handle", handle}, {"error", removed.error().message}});
    });
    if (::mount(kOwnNetns, handle.c_str(), nullptr, MS_BIND, nullptr) != 0)
        return fail_errno("bind network namespace to " + handle);
    BERTH_TRY(auto fd, open_file(kOwnNetns, O_RDONLY));
    BERTH_CHECK(inside(fd.get()));
    undo.keep();
    return {};
}

}  // namespace

Result<> create_netns(const std::string& handle, const std::function<Result<>(int)>& inside,
                      const std::string& from) {
    return on_own_thread([&] { return create_here(handle, inside, from); });
}

Result<> inside_netns(const std::string& handle, const std::function<Result<>()>& inside) {
    return on_own_thread([&]() -> Result<> {
        BERTH_CHECK(enter_here(handle));
        return inside();
    });
}

bool is_netns(const std::string& handle) {
    struct statfs about{};
    return ::statfs(handle.c_str(), &about) == 0 && about.f_type == NSFS_MAGIC;
}

Result<> remove_netns(const std::string& handle) {
    // EINVAL: a plain file, left by a crash between its creation and the mount.
    while (::umount2(handle.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (errno != EINVAL && errno != ENOENT) return fail_errno("unmount " + handle);
    if (::unlink(handle.c_str()) != 0 && errno != ENOENT) return fail_errno("remove " + handle);
    return {};
}

}  // namespace berth::network
