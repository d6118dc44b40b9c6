#include "engine/executor/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string>

#include "engine/base/unique_fd.h"

namespace berth::executor {

namespace {

struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

Result<> copy_bytes(int from, int to) {
    for (;;) {
        ssize_t sent = ::sendfile(to, from, nullptr, 1 << 30);
        if (sent == 0) return {};
        if (sent < 0 && errno != EINTR) return fail_errno("copy");
    }
}

Result<> copy_file(int from, int to, const char* name, const struct stat& status) {
    UniqueFd source(::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!source) return fail_errno(std::string("open ") + name);
    UniqueFd made(::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!made) return fail_errno(std::string("create ") + name);
    BERTH_CHECK(copy_bytes(source.get(), made.get()));
    if (::fchown(made.get(), status.st_uid, status.st_gid) != 0 ||
        ::fchmod(made.get(), status.st_mode & 07777) != 0)
        return fail_errno(std::string("chmod ") + name);
    return {};
}

Result<> copy_link(int from, int to, const char* name, const struct stat& status) {
    char target[PATH_MAX];
    ssize_t length = ::readlinkat(from, name, target, sizeof target - 1);
    if (length < 0) return fail_errno(std::string("readlink ") + name);
    target[length] = '\0';
    if (::symlinkat(target, to, name) != 0 ||
        ::fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(std::string("symlink ") + name);
    return {};
}

Result<> copy_entry(int from, int to, const char* name);

Result<> copy_content(int from, int to) {
    UniqueFd readable(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!readable) return fail_errno("open");
    std::unique_ptr<DIR, Close> folder(::fdopendir(readable.get()));
    if (!folder) return fail_errno("read folder");
    int fd = readable.release();
    for (;;) {
        errno = 0;
        dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) return errno == 0 ? Result<>() : Result<>(fail_errno("read folder"));
        if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
        BERTH_CHECK(copy_entry(fd, to, entry->d_name));
    }
}

Result<> copy_entry(int from, int to, const char* name) {
    struct stat status{};
    if (::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(std::string("stat ") + name);
    if (S_ISREG(status.st_mode)) {
        BERTH_CHECK(copy_file(from, to, name, status));
    } else if (S_ISLNK(status.st_mode)) {
        BERTH_CHECK(copy_link(from, to, name, status));
    } else if (S_ISDIR(status.st_mode)) {
        UniqueFd source(::openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!source || ::mkdirat(to, name, 0700) != 0) return fail_errno(std::string("mkdir ") + name);
        UniqueFd made(::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made) return fail_errno(std::string("open ") + name);
        BERTH_CHECK(copy_content(source.get(), made.get()));
        if (::fchown(made.get(), status.st_uid, status.st_gid) != 0 ||
            ::fchmod(made.get(), status.st_mode & 07777) != 0)
            return fail_errno(std::string("chmod ") + name);
    } else if (S_ISFIFO(status.st_mode)) {
        if (::mkfifoat(to, name, status.st_mode & 07777) != 0 ||
            ::fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(std::string("mkfifo ") + name);
    }
    timespec times[2] = {status.st_atim, status.st_mtim};
    (void)::utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
    return {};
}

}  // namespace

Result<> copy_up(int from, int to) {
    struct stat status{};
    if (::fstat(from, &status) != 0) return fail_errno("stat");
    BERTH_CHECK(copy_content(from, to));
    if (::fchownat(to, "", status.st_uid, status.st_gid, AT_EMPTY_PATH) != 0) return fail_errno("chown");
    return {};
}

}  // namespace berth::executor
