#include "engine/archive/flat_extractor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "engine/base/files.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {

namespace {

// So often growth is told, and so much is sent to the disk at once: whoever has to wait for it in the end
// waits for little.
constexpr std::uint64_t kStep = 1 << 20, kSent = 8 << 20;

std::string folder_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

Failure too_large() {
    return fail(ErrorKind::kInvalidArgument, "the archive is too large");
}

class Extraction {
 public:
    Extraction(TarReader& reader, int folder_fd, const FlatLimits& limits, FlatWatcher& watcher)
        : reader_(reader), folder_(folder_fd), limits_(limits), watcher_(watcher) {}

    Result<std::vector<FlatFile>> run();

 private:
    Result<> take(const TarEntry& entry, FlatFile& flat);
    Result<> add(int file, FlatFile& flat, std::uint64_t offset, std::string_view piece);
    std::vector<FlatFile> with_links();

    TarReader& reader_;
    int folder_;
    FlatLimits limits_;
    FlatWatcher& watcher_;
    std::map<std::string, FlatFile> files_;
    std::map<std::string, std::string> links_;
    std::uint64_t bytes_ = 0, told_ = 0, sent_ = 0;
};

Result<std::vector<FlatFile>> Extraction::run() {
    std::uint64_t members = 0;
    TarEntry entry;
    while (true) {
        BERTH_TRY(bool more, reader_.next(entry));
        if (!more) return with_links();
        std::string name = inner_path(entry.path);
        if (++members > limits_.members)
            return fail(ErrorKind::kInvalidArgument, "too many entries in the archive");
        if (entry.type == TarEntry::Type::kSymlink) links_[name] = inner_path(folder_of(name) + entry.link);
        if (entry.type == TarEntry::Type::kHardLink) links_[name] = inner_path(entry.link);
        if (entry.type != TarEntry::Type::kFile || name.empty()) continue;
        FlatFile flat{name, std::to_string(members), entry.size};
        BERTH_CHECK(take(entry, flat));
        files_[name] = std::move(flat);
    }
}

Result<> Extraction::take(const TarEntry& entry, FlatFile& flat) {
    UniqueFd file(
        ::openat(folder_, flat.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return fail_errno("open " + flat.name);
    BERTH_CHECK(watcher_.begun(flat));
    flat.size = told_ = sent_ = 0;
    BERTH_CHECK(reader_.content(
        [&](std::uint64_t offset, std::string_view piece) { return add(file.get(), flat, offset, piece); }));
    if (flat.size < entry.size) {
        if (entry.size > limits_.bytes) return too_large();
        if (::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
            return fail_errno("truncate " + flat.name);
        flat.size = entry.size;
    }
    return watcher_.ended(flat);
}

Result<> Extraction::add(int file, FlatFile& flat, std::uint64_t offset, std::string_view piece) {
    bytes_ += piece.size();
    if (bytes_ > limits_.bytes || offset > limits_.bytes) return too_large();
    if (offset != flat.size && ::lseek(file, static_cast<off_t>(offset), SEEK_SET) < 0)
        return fail_errno("seek " + flat.name);
    BERTH_CHECK(write_all(file, piece));
    flat.size = offset + piece.size();
    if (flat.size - sent_ >= kSent) {
        ::sync_file_range(file, static_cast<off_t>(sent_), static_cast<off_t>(flat.size - sent_),
                          SYNC_FILE_RANGE_WRITE);
        sent_ = flat.size;
    }
    if (flat.size - told_ < kStep) return {};
    told_ = flat.size;
    return watcher_.grown(flat, flat.size);
}

std::vector<FlatFile> Extraction::with_links() {
    std::vector<FlatFile> out;
    for (const auto& [name, flat] : files_) out.push_back(flat);
    for (const auto& [name, target] : links_) {
        auto found = files_.find(target);
        // A link to a link may follow; deeper chains are nobody's archive.
        if (found == files_.end() && links_.contains(target)) found = files_.find(links_[target]);
        if (found != files_.end() && !files_.contains(name))
            out.push_back({name, found->second.file, found->second.size});
    }
    return out;
}

}  // namespace

Result<std::vector<FlatFile>> extract_flat(TarReader& reader, int folder_fd, const FlatLimits& limits,
                                           FlatWatcher& watcher) {
    return Extraction(reader, folder_fd, limits, watcher).run();
}

}  // namespace berth::archive
