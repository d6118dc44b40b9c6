#include "engine/archive/tree_copier.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

#include "engine/archive/metadata.h"
#include "engine/base/files.h"

namespace berth::archive {

namespace {

// Less than this is read and written faster than the kernel sets up a copy of its own.
constexpr off_t kSmall = 64 << 10;
constexpr std::size_t kBuffer = 256 << 10;
// Work between two words to whoever waits: a few milliseconds of it.
constexpr std::uint64_t kReportBytes = 32 << 20, kEntryWeight = 32 << 10;

struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
};

Result<Identity> identity_of(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat");
    return Identity{status.st_dev, status.st_ino};
}

Result<UniqueFd> open_folder(int parent, const char* name) {
    UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return fail_errno("open folder");
    return fd;
}

// From a folder to the one above it, which must still be the one it was entered from.
Result<> leave(UniqueFd& fd, const Identity& parent) {
    BERTH_TRY(UniqueFd above, open_folder(fd.get(), ".."));
    BERTH_TRY(Identity found, identity_of(above.get()));
    if (!(found == parent)) return fail(ErrorKind::kConflict, "moved while it was being copied");
    fd = std::move(above);
    return {};
}

struct Name {
    std::string text;
    unsigned char type;  // DT_*
};

Result<std::vector<Name>> names_in(int folder_fd) {
    UniqueFd own(::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) return fail_errno("open folder");
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(own.get()), ::closedir);
    if (!dir) return fail_errno("read folder");
    (void)own.release();
    std::vector<Name> names;
    // The end of a folder and an error look the same but for errno.
    for (errno = 0; const dirent* entry = ::readdir(dir.get()); errno = 0) {
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.push_back({std::string(name), entry->d_type});
    }
    if (errno != 0) return fail_errno("read folder");
    return names;
}

Metadata metadata_of(const struct stat& status) {
    return {
        .mode = status.st_mode & 07777, .uid = status.st_uid, .gid = status.st_gid, .mtime = status.st_mtim};
}

// The security attributes of what cannot be opened, by name: links and nodes have no others that are copied.
Result<> copy_named_xattrs(int source, int target, const char* name) {
    if (::fchdir(source) != 0) return fail_errno("enter folder");
    char list[4096];
    const ssize_t size = ::llistxattr(name, list, sizeof list);
    if (size <= 0)
        return size == 0 || errno == ENOTSUP ? Result<>() : Result<>(fail_errno("list attributes"));
    std::vector<std::pair<std::string, std::string>> found;
    for (const char* at = list; at < list + size; at += std::string_view(at).size() + 1) {
        std::string value(1 << 16, '\0');
        if (!std::string_view(at).starts_with("security.")) continue;
        const ssize_t got = ::lgetxattr(name, at, value.data(), value.size());
        if (got < 0) return fail_errno(std::string("read attribute ") + at);
        value.resize(static_cast<std::size_t>(got));
        found.emplace_back(at, std::move(value));
    }
    if (::fchdir(target) != 0) return fail_errno("enter folder");
    for (const auto& [key, value] : found) {
        if (::lsetxattr(name, key.c_str(), value.data(), value.size(), 0) != 0 && errno != ENOTSUP &&
            errno != EPERM)
            return fail_errno("set attribute " + key);
    }
    return {};
}

}  // namespace

struct TreeCopier::Level {
    UniqueFd source, target;
};

TreeCopier::TreeCopier(int target_fd) : target_root_(target_fd), buffer_(kBuffer) {}

Result<> TreeCopier::copy(int source_fd) {
    struct stat status{};
    if (::fstat(source_fd, &status) != 0) return fail_errno("stat");
    device_ = status.st_dev;
    Level top;
    BERTH_TRY(top.source, open_folder(source_fd, "."));
    BERTH_TRY(top.target, open_folder(target_root_, "."));
    auto copied = copy_folder(top);
    return copied ? std::move(copied) : in(path_.empty() ? "." : path_, std::move(copied));
}

Result<> TreeCopier::report() {
    const std::uint64_t done = bytes_ + entries_ * kEntryWeight;
    if (!progress_ || done - reported_ < kReportBytes) return {};
    reported_ = done;
    return progress_(bytes_, entries_);
}

Result<> TreeCopier::copy_folder(Level& level) {
    BERTH_TRY(const auto names, names_in(level.source.get()));
    const std::size_t own = path_.size();
    for (const auto& name : names) {
        if (own != 0) path_ += '/';
        path_ += name.text;
        BERTH_CHECK(copy_entry(level, name.text, name.type));
        path_.resize(own);
    }
    // Last: what is written into a folder changes its time.
    BERTH_TRY(Metadata metadata, read_metadata(level.source.get()));
    return set_metadata(level.target.get(), metadata);
}

// What vanishes while it is looked at is passed over.
Result<> TreeCopier::copy_entry(Level& level, const std::string& name, unsigned char type) {
    ++entries_;
    BERTH_CHECK(report());
    struct stat status{};
    if (type != DT_REG && type != DT_DIR) {
        if (::fstatat(level.source.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT ? Result<>() : Result<>(fail_errno("stat"));
        if (S_ISLNK(status.st_mode)) return copy_link(level, name, status);
        if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return copy_node(level, name, status);
    }
    const bool folder = type == DT_DIR || S_ISDIR(status.st_mode);
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (folder ? O_DIRECTORY : O_NONBLOCK);
    UniqueFd from(::openat(level.source.get(), name.c_str(), flags));
    if (!from) return errno == ENOENT ? Result<>() : Result<>(fail_errno("open"));
    return folder ? copy_child(level, name, std::move(from)) : copy_file(level, name, std::move(from));
}

// Goes down and comes back by "..", so that the levels above hold no descriptors.
Result<> TreeCopier::copy_child(Level& level, const std::string& name, UniqueFd from) {
    struct stat status{};
    if (::fstat(from.get(), &status) != 0) return fail_errno("stat");
    if (status.st_dev != device_) return {};
    if (::mkdirat(level.target.get(), name.c_str(), 0700) != 0) return fail_errno("mkdir");
    BERTH_TRY(const Identity source, identity_of(level.source.get()));
    BERTH_TRY(const Identity target, identity_of(level.target.get()));
    BERTH_TRY(level.target, open_folder(level.target.get(), name.c_str()));
    level.source = std::move(from);
    BERTH_CHECK(copy_folder(level));
    BERTH_CHECK(leave(level.source, source));
    return leave(level.target, target);
}

// true: the file has been copied under another name, and this is one more.
Result<bool> TreeCopier::link_again(Level& level, const std::string& name, const struct stat& status) {
    if (status.st_nlink < 2) return false;
    auto [first, fresh] = linked_.try_emplace({status.st_dev, status.st_ino}, path_);
    if (fresh) return false;
    // linkat() takes no path longer than PATH_MAX: the longer ones are walked in parts.
    std::string_view rest = first->second;
    UniqueFd folder;
    int at = target_root_;
    while (rest.size() >= PATH_MAX) {
        auto slash = rest.substr(0, PATH_MAX - 1).rfind('/');
        if (slash == rest.npos) return fail_errno("link", ENAMETOOLONG);
        BERTH_TRY(folder, open_folder(at, std::string(rest.substr(0, slash)).c_str()));
        at = folder.get();
        rest.remove_prefix(slash + 1);
    }
    if (::linkat(at, std::string(rest).c_str(), level.target.get(), name.c_str(), 0) != 0)
        return fail_errno("link");
    return true;
}

Result<> TreeCopier::copy_link(Level& level, const std::string& name, const struct stat& status) {
    BERTH_TRY(const bool linked, link_again(level, name, status));
    if (linked) return {};
    char text[PATH_MAX];
    const ssize_t size = ::readlinkat(level.source.get(), name.c_str(), text, sizeof text - 1);
    if (size < 0) return fail_errno("read link");
    text[size] = '\0';
    if (::symlinkat(text, level.target.get(), name.c_str()) != 0) return fail_errno("symlink");
    BERTH_CHECK(copy_named_xattrs(level.source.get(), level.target.get(), name.c_str()));
    return set_link_metadata(level.target.get(), name.c_str(), metadata_of(status));
}

// Devices, FIFOs and sockets. Opening one could act on it: all by name.
Result<> TreeCopier::copy_node(Level& level, const std::string& name, const struct stat& status) {
    BERTH_TRY(const bool linked, link_again(level, name, status));
    if (linked) return {};
    const int target = level.target.get();
    if (::mknodat(target, name.c_str(), (status.st_mode & S_IFMT) | 0600, status.st_rdev) != 0)
        return fail_errno("mknod");
    if (::fchownat(target, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("chown");
    if (::fchmodat(target, name.c_str(), status.st_mode & 07777, 0) != 0) return fail_errno("chmod");
    BERTH_CHECK(copy_named_xattrs(level.source.get(), target, name.c_str()));
    return set_link_metadata(target, name.c_str(), metadata_of(status));
}

Result<> TreeCopier::copy_file(Level& level, const std::string& name, UniqueFd from) {
    struct stat status{};
    if (::fstat(from.get(), &status) != 0) return fail_errno("stat");
    if (!S_ISREG(status.st_mode)) return fail(ErrorKind::kConflict, "replaced while it was being copied");
    BERTH_TRY(const bool linked, link_again(level, name, status));
    if (linked) return {};
    // With its permissions at once, but for set-id: one change of the inode less.
    UniqueFd to(::openat(level.target.get(), name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, status.st_mode & 0777));
    if (!to) return fail_errno("create");
    BERTH_CHECK(copy_content(from.get(), to.get(), status));
    Metadata metadata = metadata_of(status);
    BERTH_TRY(metadata.xattrs, read_xattrs(from.get()));
    return set_metadata(to.get(), metadata);
}

Result<> TreeCopier::copy_content(int from, int to, const struct stat& status) {
    constexpr off_t kBlock = 512;
    if (status.st_blocks * kBlock >= status.st_size) return copy_range(from, to, 0, status.st_size);
    for (off_t at = 0; at < status.st_size;) {
        const off_t data = ::lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;  // nothing but a hole is left
        if (data < 0) return fail_errno("seek");
        at = ::lseek(from, data, SEEK_HOLE);
        if (at < 0) return fail_errno("seek");
        BERTH_CHECK(copy_range(from, to, data, at));
    }
    if (::ftruncate(to, status.st_size) != 0) return fail_errno("truncate");
    return {};
}

Result<> TreeCopier::copy_range(int from, int to, off_t at, off_t end) {
    while (kernel_copies_ && end - at >= kSmall) {
        // Pieces, so that progress shows. File systems that can share the blocks instead.
        const auto want = static_cast<std::size_t>(std::min<off_t>(end - at, kReportBytes));
        off_t read_at = at, write_at = at;
        const ssize_t got = ::copy_file_range(from, &read_at, to, &write_at, want, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP &&
            errno != EPERM && errno != ETXTBSY)
            return fail_errno("copy");
        if (got <= 0) {
            kernel_copies_ = got == 0;
            break;
        }
        at += got;
        bytes_ += static_cast<std::uint64_t>(got);
        BERTH_CHECK(report());
    }
    while (at < end) {
        const auto want = static_cast<std::size_t>(std::min<off_t>(end - at, kBuffer));
        const ssize_t got = ::pread(from, buffer_.data(), want, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read");
        if (got == 0) return {};  // it has become shorter
        for (ssize_t done = 0; done < got;) {
            const ssize_t put =
                ::pwrite(to, buffer_.data() + done, static_cast<std::size_t>(got - done), at + done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return fail_errno("write");
            done += put;
        }
        at += got;
        bytes_ += static_cast<std::uint64_t>(got);
        BERTH_CHECK(report());
    }
    return {};
}

}  // namespace berth::archive
