#include "engine/archive/flat_extractor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "engine/base/files.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

namespace {

std::string folder_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

}  // namespace

Result<> extract_flat(TarReader& reader, int folder_fd, std::uint64_t max_members, std::uint64_t max_bytes,
                      const std::function<void(const FlatFile&)>& tell) {
    std::map<std::string, FlatFile> files;
    std::map<std::string, std::string> links;
    std::uint64_t members = 0, bytes = 0;
    TarEntry entry;
    while (true) {
        BERTH_TRY(bool more, reader.next(entry));
        if (!more) break;
        std::string name = inner_path(entry.path);
        if (++members > max_members)
            return fail(ErrorKind::kInvalidArgument, "too many entries in the archive");
        if (entry.type == TarEntry::Type::kSymlink) links[name] = inner_path(folder_of(name) + entry.link);
        if (entry.type == TarEntry::Type::kHardLink) links[name] = inner_path(entry.link);
        if (entry.type != TarEntry::Type::kFile || name.empty()) continue;
        FlatFile flat{name, std::to_string(members), 0};
        UniqueFd file(::openat(folder_fd, flat.file.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file) return fail_errno("open " + name);
        BERTH_CHECK(reader.content([&](std::uint64_t offset, std::string_view piece) -> Result<> {
            bytes += piece.size();
            if (bytes > max_bytes || offset > max_bytes)
                return fail(ErrorKind::kInvalidArgument, "the archive is too large");
            if (::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
                return fail_errno("seek " + name);
            flat.size = offset + piece.size();
            return write_all(file.get(), piece);
        }));
        if (flat.size < entry.size) {
            if (entry.size > max_bytes) return fail(ErrorKind::kInvalidArgument, "the archive is too large");
            if (::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
                return fail_errno("truncate " + name);
            flat.size = entry.size;
        }
        files[name] = std::move(flat);
    }
    for (const auto& [name, flat] : files) tell(flat);
    for (const auto& [name, target] : links) {
        auto found = files.find(target);
        // A link to a link may follow; deeper chains are nobody's archive.
        if (found == files.end() && links.contains(target)) found = files.find(links[target]);
        if (found != files.end() && !files.contains(name))
            tell({name, found->second.file, found->second.size});
    }
    return {};
}

}  // namespace berth::archive
