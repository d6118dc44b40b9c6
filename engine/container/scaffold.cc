#include "engine/container/scaffold.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"

namespace berth::container {

namespace {

// As Docker makes them, parents first.
constexpr const char* kFolders[] = {"dev", "dev/pts", "dev/shm", "etc", "proc", "sys"};
constexpr const char* kFiles[] = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts",
                                  "etc/resolv.conf"};

std::string folder(const std::string& data_root) {
    return data_root + "/scaffold";
}

Result<> own(int root, const char* name, const Owner& owner) {
    if (::fchownat(root, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) == 0) return {};
    return fail_errno(std::string("chown ") + name);
}

}  // namespace

Result<> lay_scaffold(const std::string& data_root, const Owner& owner) {
    BERTH_CHECK(make_folders(folder(data_root), 0755));
    BERTH_TRY(UniqueFd root, open_file(folder(data_root), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const char* name : kFolders) {
        if (::mkdirat(root.get(), name, 0755) != 0 && errno != EEXIST)
            return fail_errno(std::string("make ") + name);
        BERTH_CHECK(own(root.get(), name, owner));
    }
    for (const char* name : kFiles) {
        UniqueFd file(::openat(root.get(), name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0755));
        if (!file) return fail_errno(std::string("make ") + name);
        BERTH_CHECK(own(root.get(), name, owner));
    }
    if (::symlinkat("/proc/mounts", root.get(), "etc/mtab") != 0 && errno != EEXIST)
        return fail_errno("make etc/mtab");
    return own(root.get(), "etc/mtab", owner);
}

std::string scaffold(const std::string& data_root) {
    return exists(folder(data_root)) ? folder(data_root) : std::string();
}

Result<sys::Mount> root_mount(const Core& core, const std::string& container_id) {
    return core.parts.snapshots.mounts(container_id, scaffold(core.parts.config.data_root));
}

}  // namespace berth::container
