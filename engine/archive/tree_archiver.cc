#include "engine/archive/tree_archiver.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "engine/archive/metadata.h"
#include "engine/base/files.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

namespace {

// Gone, changed, or not ours to read: the rest of the tree is still wanted.
bool passed_over(int reason) {
    return reason == ENOENT || reason == ELOOP || reason == ENOTDIR || reason == EACCES || reason == EPERM ||
           reason == ENXIO || reason == ESTALE;
}

TarEntry entry_of(const std::string& as, const struct stat& status) {
    TarEntry entry;
    entry.path = as;
    entry.mode = status.st_mode & 07777;
    entry.mtime = status.st_mtim;
    switch (status.st_mode & S_IFMT) {
        case S_IFREG:
            entry.type = TarEntry::Type::kFile;
            entry.size = static_cast<std::uint64_t>(status.st_size);
            break;
        case S_IFDIR:
            entry.type = TarEntry::Type::kFolder;
            break;
        case S_IFLNK:
            entry.type = TarEntry::Type::kSymlink;
            break;
        case S_IFCHR:
            entry.type = TarEntry::Type::kCharDevice;
            entry.device = status.st_rdev;
            break;
        case S_IFBLK:
            entry.type = TarEntry::Type::kBlockDevice;
            entry.device = status.st_rdev;
            break;
        case S_IFIFO:
            entry.type = TarEntry::Type::kFifo;
            break;
        default:
            break;
    }
    return entry;
}

// Revision 3 names the root of the user namespace it was given in, which is nobody elsewhere.
void forget_root(std::string& capability) {
    constexpr char kRevision2 = 2, kRevision3 = 3;
    constexpr std::size_t kSize2 = 20, kSize3 = 24, kRevisionAt = 3;
    if (capability.size() != kSize3 || capability[kRevisionAt] != kRevision3) return;
    capability[kRevisionAt] = kRevision2;
    capability.resize(kSize2);
}

Result<Xattrs> portable_xattrs(int fd) {
    BERTH_TRY(Xattrs xattrs, read_xattrs(fd));
    // A label is the host's.
    std::erase_if(xattrs, [](const auto& xattr) { return xattr.first == "security.selinux"; });
    for (auto& [name, value] : xattrs)
        if (name == "security.capability") forget_root(value);
    return xattrs;
}

bool same_file(int fd, const struct stat& status) {
    struct stat now{};
    return ::fstat(fd, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino &&
           (now.st_mode & S_IFMT) == (status.st_mode & S_IFMT);
}

}  // namespace

Result<std::vector<std::string>> sorted_names(int folder_fd) {
    BERTH_TRY(auto names, list_folder(folder_fd));
    std::sort(names.begin(), names.end());
    return names;
}

Result<> TreeArchiver::add(int folder_fd, const std::string& name, const std::string& as) {
    struct stat status{};
    if (::fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return passed_over(errno) ? Result<>() : Result<>(fail_errno("stat " + as));
    if (!as.empty()) BERTH_CHECK(add_entry(folder_fd, name, as, status));
    if (!S_ISDIR(status.st_mode)) return {};
    UniqueFd folder(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return passed_over(errno) ? Result<>() : Result<>(fail_errno("open " + as));
    return add_below(folder.get(), as);
}

Result<> TreeArchiver::add_below(int folder_fd, const std::string& as) {
    BERTH_TRY(auto names, in(as, sorted_names(folder_fd)));
    for (const std::string& name : names) {
        std::string path = as.empty() || as.ends_with('/') ? as + name : as + "/" + name;
        BERTH_CHECK(add(folder_fd, name, path));
    }
    return {};
}

Result<> TreeArchiver::add_entry(int folder_fd, const std::string& name, const std::string& as,
                                 const struct stat& status) {
    TarEntry entry = entry_of(as, status);
    const Owner owner = ids_.inside({status.st_uid, status.st_gid});
    entry.uid = owner.uid;
    entry.gid = owner.gid;
    if (entry.type == TarEntry::Type::kOther) return {};
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
        auto [first, fresh] = linked_.try_emplace({status.st_dev, status.st_ino}, as);
        if (!fresh) {
            entry.type = TarEntry::Type::kHardLink;
            entry.link = first->second;
            ++entries_;
            return out_.add(entry);
        }
    }
    if (entry.type == TarEntry::Type::kFile) return add_file(folder_fd, name, std::move(entry), status);
    if (entry.type == TarEntry::Type::kFolder) {
        UniqueFd folder(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!folder) return passed_over(errno) ? Result<>() : Result<>(fail_errno("open " + as));
        BERTH_TRY(entry.xattrs, in(as, portable_xattrs(folder.get())));
    } else if (entry.type == TarEntry::Type::kSymlink) {
        std::string target(4096, '\0');
        ssize_t size = ::readlinkat(folder_fd, name.c_str(), target.data(), target.size());
        if (size < 0) return passed_over(errno) ? Result<>() : Result<>(fail_errno("readlink " + as));
        entry.link = target.substr(0, static_cast<std::size_t>(size));
    }
    ++entries_;
    return out_.add(entry);
}

Result<> TreeArchiver::add_file(int folder_fd, const std::string& name, TarEntry entry,
                                const struct stat& status) {
    // Should a FIFO or a device have taken the name since, opening it must neither wait nor act.
    UniqueFd file(
        ::openat(folder_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return passed_over(errno) ? Result<>() : Result<>(fail_errno("open " + entry.path));
    if (!same_file(file.get(), status)) return {};
    BERTH_TRY(entry.xattrs, in(entry.path, portable_xattrs(file.get())));
    ++entries_;
    BERTH_CHECK(out_.add(entry));
    return in(entry.path, out_.content(file.get(), entry.size));
}

}  // namespace berth::archive
