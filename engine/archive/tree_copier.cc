#include "engine/archive/tree_copier.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "engine/archive/metadata.h"
#include "engine/base/files.h"

namespace berth::archive {

Result<> TreeCopier::copy(int source_fd) {
    struct stat status{};
    if (::fstat(source_fd, &status) != 0) return fail_errno("stat");
    device_ = status.st_dev;
    return copy_folder(source_fd, target_root_, "");
}

Result<> TreeCopier::copy_folder(int source, int target, const std::string& path) {
    UniqueFd again(::openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!again) return fail_errno("open " + path);
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(again.get()), ::closedir);
    if (!dir) return fail_errno("read " + path);
    (void)again.release();
    while (dirent* entry = ::readdir(dir.get())) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        BERTH_CHECK(copy_entry(source, target, name, path.empty() ? name : path + "/" + name));
    }
    // Last: what is written into a folder changes its time.
    BERTH_TRY(Metadata metadata, read_metadata(source));
    return in(path.empty() ? "." : path, set_metadata(target, metadata));
}

Result<> TreeCopier::copy_entry(int source, int target, const std::string& name, const std::string& path) {
    struct stat status{};
    if (::fstatat(source, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<>() : Result<>(fail_errno("stat " + path));
    }
    if (status.st_dev != device_ || S_ISSOCK(status.st_mode)) return {};
    ++entries_;
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
        auto [first, fresh] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
        if (!fresh) {
            if (::linkat(target_root_, first->second.c_str(), target, name.c_str(), 0) != 0)
                return fail_errno("link " + path);
            return {};
        }
    }
    if (S_ISREG(status.st_mode)) return in(path, copy_file(source, target, name, status));
    if (S_ISDIR(status.st_mode)) {
        if (::mkdirat(target, name.c_str(), 0700) != 0) return fail_errno("mkdir " + path);
        UniqueFd from(::openat(source, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        UniqueFd to(::openat(target, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!from || !to) return fail_errno("open " + path);
        return copy_folder(from.get(), to.get(), path);
    }
    Metadata metadata{
        .mode = status.st_mode & 07777, .uid = status.st_uid, .gid = status.st_gid, .mtime = status.st_mtim};
    if (S_ISLNK(status.st_mode)) {
        std::string link(4096, '\0');
        ssize_t size = ::readlinkat(source, name.c_str(), link.data(), link.size());
        if (size < 0) return fail_errno("read link " + path);
        link.resize(static_cast<std::size_t>(size));
        if (::symlinkat(link.c_str(), target, name.c_str()) != 0) return fail_errno("symlink " + path);
        return in(path, set_link_metadata(target, name.c_str(), metadata));
    }
    if (::mknodat(target, name.c_str(), status.st_mode, status.st_rdev) != 0)
        return fail_errno("mknod " + path);
    if (::fchownat(target, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(target, name.c_str(), metadata.mode, 0) != 0) {
        return fail_errno("chmod " + path);
    }
    return {};
}

Result<> TreeCopier::copy_file(int source, int target, const std::string& name, const struct stat& status) {
    UniqueFd from(::openat(source, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!from) return fail_errno("open");
    UniqueFd to(::openat(target, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to) return fail_errno("create");
    BERTH_CHECK(copy_content(from.get(), to.get(), status.st_size));
    BERTH_TRY(Metadata metadata, read_metadata(from.get()));
    return set_metadata(to.get(), metadata);
}

Result<> TreeCopier::copy_content(int from, int to, off_t size) {
    std::vector<char> buffer(1 << 17);
    off_t at = 0;
    while (at < size) {
        off_t data = ::lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;  // nothing but a hole is left
        if (data < 0) return fail_errno("seek");
        off_t hole = ::lseek(from, data, SEEK_HOLE);
        if (hole < 0) return fail_errno("seek");
        for (at = data; at < hole;) {
            auto want =
                static_cast<std::size_t>(std::min<off_t>(hole - at, static_cast<off_t>(buffer.size())));
            ssize_t got = ::pread(from, buffer.data(), want, at);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno("read");
            if (got == 0) break;
            if (::lseek(to, at, SEEK_SET) < 0) return fail_errno("seek");
            BERTH_CHECK(write_all(to, {buffer.data(), static_cast<std::size_t>(got)}));
            at += got;
            bytes_ += static_cast<std::uint64_t>(got);
        }
        if (at < hole) break;
    }
    if (::ftruncate(to, size) != 0) return fail_errno("truncate");
    return {};
}

}  // namespace berth::archive
