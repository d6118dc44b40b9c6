#include "engine/container/scaffold.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/sys/safe_path.h"

namespace berth::container {

namespace {

Result<> give(int folder, const char* name, const Owner& owner) {
    if (::fchownat(folder, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) == 0) return {};
    return fail_errno(std::string("chown ") + name);
}

// An empty file, if there is nothing of that name.
Result<> make_empty(int folder, const char* name, const Owner& owner) {
    UniqueFd made(::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
    if (made) return give(folder, name, owner);
    return errno == EEXIST ? Result<>() : Result<>(fail_errno(std::string("make ") + name));
}

}  // namespace

const std::vector<std::string>& scaffold_paths() {
    static const std::vector<std::string> kPaths = {
        "/.dockerenv", "/dev",  "/dev/console",  "/dev/mqueue", "/dev/pts",         "/dev/shm", "/etc",
        "/etc/hosts",  "/proc", "/etc/hostname", "/etc/mtab",   "/etc/resolv.conf", "/sys"};
    return kPaths;
}

Result<> make_marks(int root, const Owner& owner) {
    UniqueFd mark(::openat(root, ".dockerenv", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
    // An earlier start has been here.
    if (!mark) return errno == EEXIST ? Result<>() : Result<>(fail_errno("make /.dockerenv"));
    BERTH_CHECK(give(root, ".dockerenv", owner));
    auto etc = sys::open_in_root(root, "/etc", O_PATH | O_DIRECTORY);
    if (!etc) return {};
    // The mount table, where older programs look for it.
    if (::symlinkat("/proc/mounts", etc->get(), "mtab") != 0 && errno != EEXIST)
        return fail_errno("make /etc/mtab");
    return give(etc->get(), "mtab", owner);
}

Result<> make_scaffold(int root, const Owner& owner) {
    struct Place {
        const char* folder;
        std::vector<const char*> files;
    };
    const Place places[] = {{"/dev", {"console"}}, {"/dev/pts", {}},
                            {"/dev/shm", {}},      {"/proc", {}},
                            {"/sys", {}},          {"/etc", {"hostname", "hosts", "resolv.conf"}}};
    for (const Place& place : places) {
        auto made = sys::make_folders_in_root(root, place.folder, 0755, owner.uid, owner.gid);
        // An image may have anything of that name.
        if (!made) continue;
        for (const char* file : place.files) BERTH_CHECK(make_empty(made->get(), file, owner));
    }
    return make_marks(root, owner);
}

}  // namespace berth::container
