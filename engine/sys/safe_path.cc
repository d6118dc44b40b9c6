#include "engine/sys/safe_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "engine/sys/walk_path.h"

namespace berth::sys {

namespace {

Result<UniqueFd> open_resolved(int root_fd, std::string_view path, int flags, mode_t mode,
                               std::uint64_t resolve) {
    if (path.find('\0') != path.npos) {
        return fail(ErrorKind::kInvalidArgument, "path contains a NUL byte");
    }
    std::string name = path.empty() ? std::string(".") : std::string(path);
    int fd = openat2(root_fd, name.c_str(), flags, mode, resolve);
    if (fd < 0) return fail_errno("open " + name);
    return UniqueFd(fd);
}

// Makes the folder `name` in `parent` and gives it its owner and mode by its own descriptor. A folder that
// appeared in the meantime is taken as it is; a link that did is refused.
Result<UniqueFd> make_folder(int parent, const std::string& name, mode_t mode, uid_t uid, gid_t gid) {
    bool made = ::mkdirat(parent, name.c_str(), mode) == 0;
    if (!made && errno != EEXIST) return fail_errno("mkdir " + name);
    if (!made) {
        UniqueFd there(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!there) return fail_errno("mkdir " + name);
        return there;
    }
    UniqueFd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return fail_errno("open " + name);
    struct stat status{};
    if (::fstat(folder.get(), &status) != 0) return fail_errno("stat " + name);
    if ((status.st_uid != uid || status.st_gid != gid) && ::fchown(folder.get(), uid, gid) != 0) {
        return fail_errno("chown " + name);
    }
    if ((status.st_mode & 07777) != mode && ::fchmod(folder.get(), mode) != 0) {
        return fail_errno("chmod " + name);
    }
    UniqueFd path_only(::openat(folder.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!path_only) return fail_errno("open " + name);
    return path_only;
}

// The next component of `rest`, which loses it together with the slashes around it.
std::string_view next_component(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
    std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(name.size());
    return name;
}

Result<std::string> descriptor_path(int fd) {
    char buffer[PATH_MAX];
    std::string link = "/proc/self/fd/" + std::to_string(fd);
    ssize_t length = ::readlink(link.c_str(), buffer, sizeof buffer);
    if (length < 0) return fail_errno("readlink " + link);
    return std::string(buffer, static_cast<std::size_t>(length));
}

}  // namespace

int openat2(int folder_fd, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
    how.resolve = resolve;
    // EAGAIN: a rename or mount somewhere in the system made a ".." unsafe to follow (openat2(2)).
    for (int attempt = 0;; ++attempt) {
        long fd = ::syscall(SYS_openat2, folder_fd, path, &how, sizeof how);
        if (fd >= 0) return static_cast<int>(fd);
        if (errno == ENOSYS) return walk_path(folder_fd, path, flags, mode, resolve);
        if (errno != EINTR && (errno != EAGAIN || attempt == 128)) return -1;
    }
}

Result<UniqueFd> open_in_root(int root_fd, std::string_view path, int flags, mode_t mode) {
    return open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_beneath(int root_fd, std::string_view path, int flags, mode_t mode) {
    return open_resolved(root_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> make_folders_in_root(int root_fd, std::string_view path, mode_t mode, uid_t uid, gid_t gid) {
    constexpr int kFolder = O_PATH | O_DIRECTORY;
    auto whole = open_in_root(root_fd, path, kFolder);
    if (whole || whole.error().sys_errno != ENOENT) return whole;

    // The longest part that is there is walked from the root (links and ".." mean what they mean in the
    // container); what is missing is made below it, name by name.
    BERTH_TRY(UniqueFd folder, open_in_root(root_fd, "/", kFolder));
    std::string_view rest = path;
    for (bool missing = false;;) {
        std::string_view name = next_component(rest);
        if (name.empty()) return folder;
        if (!missing) {
            auto prefix = open_in_root(root_fd, path.substr(0, path.size() - rest.size()), kFolder);
            if (prefix) {
                folder = std::move(*prefix);
                continue;
            }
            if (prefix.error().sys_errno != ENOENT) return prefix;
            missing = true;
        }
        if (name == ".") continue;
        if (name == "..") {
            return fail(ErrorKind::kInvalidArgument,
                        "mkdir " + std::string(path) + ": \"..\" behind a missing folder");
        }
        BERTH_TRY(folder, in("mkdir " + std::string(path),
                             make_folder(folder.get(), std::string(name), mode, uid, gid)));
    }
}

Result<std::string> resolve_in_root(int root_fd, std::string_view path) {
    BERTH_TRY(UniqueFd target, open_in_root(root_fd, path, O_PATH));
    BERTH_TRY(UniqueFd root, open_in_root(root_fd, "/", O_PATH | O_DIRECTORY));
    return in(path, path_in_root(root.get(), target.get()));
}

Result<std::string> path_in_root(int root_fd, int fd) {
    BERTH_TRY(std::string full, descriptor_path(fd));
    BERTH_TRY(std::string prefix, descriptor_path(root_fd));
    if (prefix == "/") return full;
    if (full == prefix) return std::string("/");
    if (full.compare(0, prefix.size() + 1, prefix + "/") != 0)
        return fail(ErrorKind::kInvalidArgument, "moved while it was being resolved");
    return full.substr(prefix.size());
}

}  // namespace berth::sys
