#include "engine/archive/metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

namespace berth::archive {

namespace {

// Overlay's own marks live there; whatever else is trusted is not an image's to say.
bool reserved(std::string_view name) {
    return name.starts_with("trusted.") || name.starts_with("user.overlay.");
}

timespec keep_access() {
    return {0, UTIME_OMIT};
}

}  // namespace

Result<> set_metadata(int fd, const Metadata& metadata) {
    // To look costs a tenth of a change in the journal, and what has just been made is mostly right.
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat");
    const bool owned = status.st_uid == metadata.uid && status.st_gid == metadata.gid;
    if (!owned && ::fchown(fd, metadata.uid, metadata.gid) != 0) return fail_errno("lchown");
    // A change of the owner takes setuid and setgid away.
    if ((!owned || (status.st_mode & 07777) != metadata.mode) && ::fchmod(fd, metadata.mode) != 0)
        return fail_errno("chmod");
    for (const auto& [name, value] : metadata.xattrs) {
        if (reserved(name)) continue;
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
        if (errno == ENOTSUP || errno == EPERM || errno == EINVAL) continue;
        return fail_errno("set attribute " + name);
    }
    return set_time(fd, metadata.mtime);
}

Result<> set_link_metadata(int folder_fd, const char* name, const Metadata& metadata) {
    if (::fchownat(folder_fd, name, metadata.uid, metadata.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("lchown");
    timespec times[2] = {keep_access(), metadata.mtime};
    if (::utimensat(folder_fd, name, times, AT_SYMLINK_NOFOLLOW) != 0) return fail_errno("set time");
    return {};
}

Result<> set_time(int fd, const timespec& mtime) {
    timespec times[2] = {keep_access(), mtime};
    if (::futimens(fd, times) != 0) return fail_errno("set time");
    return {};
}

Result<Metadata> read_metadata(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat");
    Metadata out{
        .mode = status.st_mode & 07777, .uid = status.st_uid, .gid = status.st_gid, .mtime = status.st_mtim};
    BERTH_TRY(out.xattrs, read_xattrs(fd));
    return out;
}

Result<Xattrs> read_xattrs(int fd) {
    Xattrs out;
    ssize_t size = ::flistxattr(fd, nullptr, 0);
    if (size <= 0) return out;
    std::string names(static_cast<std::size_t>(size), '\0');
    size = ::flistxattr(fd, names.data(), names.size());
    if (size < 0) return fail_errno("list attributes");
    for (std::string_view rest(names.data(), static_cast<std::size_t>(size)); !rest.empty();) {
        std::string name(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(name.size() + 1);
        if (reserved(name)) continue;
        std::string value(1 << 16, '\0');
        ssize_t got = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
        if (got < 0 && (errno == ENODATA || errno == ENOTSUP)) continue;
        if (got < 0) return fail_errno("read attribute " + name);
        value.resize(static_cast<std::size_t>(got));
        out.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

}  // namespace berth::archive
