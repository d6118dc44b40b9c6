#include "engine/archive/tree_extractor.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "engine/archive/remove_entry.h"
#include "engine/sys/safe_path.h"

namespace berth::archive {

namespace {

// Whether a name leads out of the folder it is relative to. Absolute names start there, too.
bool leads_out(std::string_view path) {
    int depth = 0;
    while (!path.empty()) {
        std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), part.size() + 1));
        if (part.empty() || part == ".") continue;
        depth += part == ".." ? -1 : 1;
        if (depth < 0) return true;
    }
    return false;
}

bool relative_and_out(std::string_view path) {
    return !path.starts_with('/') && leads_out(path);
}

}  // namespace

std::string TreeExtractor::renamed(const std::string& path) const {
    const auto& [from, to] = options_.rename;
    if (from.empty() || !path.starts_with(from)) return path;
    if (path.size() > from.size() && path[from.size()] != '/') return path;
    return to + path.substr(from.size());
}

std::string TreeExtractor::below(const std::string& path) const {
    if (folder_.empty()) return path;
    return path.empty() ? folder_ : folder_ + "/" + path;
}

Result<> TreeExtractor::extract(TarReader& reader) {
    TarEntry entry;
    while (true) {
        BERTH_TRY(bool more, reader.next(entry));
        if (!more) break;
        ++entries_;
        auto done = extract_one(reader, entry);
        if (!done && done.error().sys_errno != 0) return in(entry.path, std::move(done));
        if (!done) return done;
    }
    cached_folder_.reset();
    return writer_.set_folder_times();
}

Result<> TreeExtractor::extract_one(TarReader& reader, const TarEntry& entry) {
    if (entry.type == TarEntry::Type::kOther) return {};
    if (relative_and_out(entry.path))
        return fail(ErrorKind::kInternal, "invalid entry name \"" + entry.path + "\"");
    if (entry.type == TarEntry::Type::kHardLink && relative_and_out(entry.link))
        return fail(ErrorKind::kInternal, "invalid hardlink target \"" + entry.link + "\"");
    std::string path = renamed(inner_path(entry.path));
    // The folder itself stays as it is.
    if (path.empty()) return {};
    // An owner that does not count need not be mapped.
    BERTH_TRY(Metadata metadata, metadata_of(entry, options_.owner ? IdMaps() : options_.ids));
    if (options_.owner) std::tie(metadata.uid, metadata.gid) = *options_.owner;
    BERTH_TRY(Place place, place_of(path));
    return writer_.create(reader, entry, place, metadata, below(renamed(inner_path(entry.link))),
                          [&] { return clear_way(place, entry); });
}

Result<Place> TreeExtractor::place_of(const std::string& path) {
    auto slash = path.rfind('/');
    std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    Place place{.path = below(path), .name = slash == std::string::npos ? path : path.substr(slash + 1)};
    if (place.name.size() > 255) return fail_errno("open", ENAMETOOLONG);
    if (!cached_folder_ || cached_path_ != above) {
        std::string whole = below(above);
        auto found = sys::open_in_root(root_, whole.empty() ? "/" : whole, O_RDONLY | O_DIRECTORY);
        if (!found && found.error().sys_errno == ENOENT) {
            const Owner root = options_.ids.root();
            BERTH_CHECK(sys::make_folders_in_root(root_, whole, 0755, root.uid, root.gid));
            found = sys::open_in_root(root_, whole, O_RDONLY | O_DIRECTORY);
        }
        if (!found) return Failure(std::move(found.error()));
        cached_folder_ = std::move(*found);
        cached_path_ = above;
    }
    place.folder = cached_folder_.get();
    return place;
}

Result<> TreeExtractor::clear_way(const Place& place, const TarEntry& entry) {
    struct stat status{};
    if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<>() : Result<>(fail_errno("lstat"));
    }
    bool folder_there = S_ISDIR(status.st_mode), folder_comes = entry.type == TarEntry::Type::kFolder;
    if (folder_there && folder_comes) return {};
    if (options_.keep_kinds && folder_there != folder_comes) {
        const char* there = folder_there ? "directory" : "non-directory";
        const char* comes = folder_comes ? "directory" : "non-directory";
        return fail(ErrorKind::kInternal, std::string("cannot overwrite ") + there + " \"" +
                                              inner_path(entry.path) + "\" with " + comes + " \"/" + folder_ +
                                              "\"");
    }
    return remove_entry(place.folder, place.name);
}

}  // namespace berth::archive
