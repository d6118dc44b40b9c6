#include "engine/archive/entry_writer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/sys/safe_path.h"

namespace berth::archive {

Result<Metadata> metadata_of(const TarEntry& entry, const IdMaps& ids) {
    BERTH_TRY(const Owner owner, ids.outside({entry.uid, entry.gid}));
    return Metadata{
        .mode = entry.mode, .uid = owner.uid, .gid = owner.gid, .mtime = entry.mtime, .xattrs = entry.xattrs};
}

Result<UniqueFd> open_entry(int folder_fd, const char* name, int flags, mode_t mode) {
    UniqueFd file(::openat(folder_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) return fail_errno("open");
    return file;
}

Result<> EntryWriter::create(TarReader& reader, const TarEntry& entry, const Place& place,
                             const Metadata& metadata, const std::string& link,
                             const std::function<Result<>()>& clear_way) {
    if (entry.type == TarEntry::Type::kFile) {
        // Mostly there is nothing in its way; to look first would cost every file.
        auto made = create_file(reader, entry, place, metadata);
        if (made || made.error().sys_errno != EEXIST) return made;
    }
    BERTH_CHECK(clear_way());
    switch (entry.type) {
        case TarEntry::Type::kFile:
            return create_file(reader, entry, place, metadata);
        case TarEntry::Type::kFolder:
            return create_folder(place, metadata);
        case TarEntry::Type::kHardLink:
            return create_hard_link(entry, place, link);
        case TarEntry::Type::kSymlink:
            if (::symlinkat(entry.link.c_str(), place.folder, place.name.c_str()) != 0)
                return fail_errno("symlink");
            return set_link_metadata(place.folder, place.name.c_str(), metadata);
        default:
            return create_node(entry, place, metadata);
    }
}

Result<> EntryWriter::create_file(TarReader& reader, const TarEntry& entry, const Place& place,
                                  const Metadata& metadata) {
    BERTH_TRY(UniqueFd file, open_entry(place.folder, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL,
                                        metadata.mode & 0777));
    std::uint64_t end = 0;
    BERTH_CHECK(reader.content([&](std::uint64_t offset, std::string_view bytes) -> Result<> {
        while (!bytes.empty()) {
            ssize_t written = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return fail_errno("write");
            bytes.remove_prefix(static_cast<std::size_t>(written));
            offset += static_cast<std::uint64_t>(written);
        }
        end = std::max(end, offset);
        return {};
    }));
    // A sparse file may end in a hole.
    if (end < entry.size && ::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
        return fail_errno("truncate");
    return set_metadata(file.get(), metadata);
}

Result<> EntryWriter::create_folder(const Place& place, const Metadata& metadata) {
    if (::mkdirat(place.folder, place.name.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno("mkdir");
    BERTH_TRY(UniqueFd folder, open_entry(place.folder, place.name.c_str(), O_RDONLY | O_DIRECTORY));
    note_folder_time(place.path, metadata.mtime);
    return set_metadata(folder.get(), metadata);
}

Result<> EntryWriter::create_hard_link(const TarEntry& entry, const Place& place, const std::string& link) {
    if (link.empty())
        return fail(ErrorKind::kInvalidArgument,
                    "invalid hardlink \"" + entry.path + "\" -> \"" + entry.link + "\"");
    auto slash = link.rfind('/');
    std::string above = slash == std::string::npos ? "." : link.substr(0, slash);
    std::string name = slash == std::string::npos ? link : link.substr(slash + 1);
    BERTH_TRY(UniqueFd folder, sys::open_in_root(root_, above, O_PATH | O_DIRECTORY));
    // No AT_SYMLINK_FOLLOW: the link itself is meant.
    if (::linkat(folder.get(), name.c_str(), place.folder, place.name.c_str(), 0) != 0)
        return fail_errno("link");
    return {};
}

Result<> EntryWriter::create_node(const TarEntry& entry, const Place& place, const Metadata& metadata) {
    mode_t type = entry.type == TarEntry::Type::kFifo         ? S_IFIFO
                  : entry.type == TarEntry::Type::kCharDevice ? S_IFCHR
                                                              : S_IFBLK;
    // A 0:0 character device means "removed" to overlay; an archive says that with a whiteout.
    if (type == S_IFCHR && entry.device == makedev(0, 0)) {
        return fail(ErrorKind::kInvalidArgument, "invalid device 0:0: " + entry.path);
    }
    const char* name = place.name.c_str();
    if (::mknodat(place.folder, name, type | 0600, entry.device) != 0) return fail_errno("mknod");
    // Opening a device would act on it: by name, in a folder that nobody else is in.
    if (::fchownat(place.folder, name, metadata.uid, metadata.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("lchown");
    if (::fchmodat(place.folder, name, metadata.mode, 0) != 0) return fail_errno("chmod");
    timespec times[2] = {{0, UTIME_OMIT}, metadata.mtime};
    if (::utimensat(place.folder, name, times, AT_SYMLINK_NOFOLLOW) != 0) return fail_errno("set time");
    return {};
}

Result<> EntryWriter::set_folder_times() {
    // What has become a link since must not be followed, unless links were on the way in the first place.
    const std::uint64_t resolve =
        RESOLVE_IN_ROOT | (through_links_ ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS);
    for (const auto& [path, mtime] : folder_times_) {
        int fd = path.empty()
                     ? ::openat(root_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                     : sys::openat2(root_, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, resolve);
        UniqueFd folder(fd);
        // Replaced later by something that is no folder.
        if (!folder) continue;
        BERTH_CHECK(set_time(folder.get(), mtime));
    }
    return {};
}

}  // namespace berth::archive
