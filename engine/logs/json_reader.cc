#include "engine/logs/json_reader.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/files.h"
#include "engine/logs/json_record.h"
#include "engine/logs/tail.h"

namespace berth::logs {

namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr unsigned kMaxFiles = 100'000;  // a loop over rotated files ends, whatever lies there

std::string rotated(const std::string& path, unsigned number) {
    return number == 0 ? path : path + "." + std::to_string(number);
}

struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    std::uint64_t size = 0;
    bool same_file(const FileId& other) const { return device == other.device && inode == other.inode; }
};

Result<FileId> identify(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat log");
    return FileId{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size)};
}

// The files from PATH.(newest) backwards until `stop` (which is not taken) or the oldest; newest first.
Result<std::vector<UniqueFd>> open_backwards(const std::string& path, const FileId* stop) {
    std::vector<UniqueFd> files;
    FileId last;
    for (unsigned number = 0; number < kMaxFiles; ++number) {
        auto file = open_file(rotated(path, number), O_RDONLY | O_NOFOLLOW);
        if (!file && file.error().sys_errno == ENOENT) {
            // PATH itself is missing for a moment in each rotation, or before the first record.
            if (number == 0) continue;
            break;
        }
        if (!file) return Failure(std::move(file.error()));
        BERTH_TRY(FileId id, identify(file->get()));
        if (stop != nullptr && id.same_file(*stop)) break;
        // Rotated between two opens: the same file under its next name.
        if (!files.empty() && id.same_file(last)) continue;
        last = id;
        files.push_back(std::move(*file));
    }
    return files;
}

}  // namespace

Result<std::unique_ptr<LogReader>> JsonReader::open(const std::string& path, ReadOptions options) {
    std::unique_ptr<JsonReader> reader(new JsonReader(path, options));
    // Watched before anything is read: what comes in between is noticed.
    if (reader->options_.follow) BERTH_CHECK(reader->watch());
    BERTH_CHECK(reader->open_files());
    if (reader->options_.tail) BERTH_CHECK(reader->seek_tail());
    return std::unique_ptr<LogReader>(std::move(reader));
}

Result<> JsonReader::watch() {
    notify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!notify_) return fail_errno("inotify");
    // The folder, not the file: rotation brings new ones.
    auto slash = path_.find_last_of('/');
    std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    if (::inotify_add_watch(notify_.get(), folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        return fail_errno("watch " + folder);
    }
    return {};
}

Result<> JsonReader::open_files() {
    BERTH_TRY(auto files, open_backwards(path_, nullptr));
    for (UniqueFd& file : files) files_.push_front(std::move(file));
    return {};
}

Result<> JsonReader::seek_tail() {
    std::uint64_t wanted = *options_.tail;
    std::size_t index = files_.size();
    while (index > 0) {
        BERTH_TRY(TailPosition tail, find_tail(files_[index - 1].get(), wanted));
        --index;
        offset_ = tail.offset;
        wanted -= std::min(wanted, tail.found);
        if (wanted == 0) break;
    }
    files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(index));
    return {};
}

void JsonReader::drain_notifications() {
    alignas(inotify_event) char buffer[4096];
    while (notify_ && ::read(notify_.get(), buffer, sizeof buffer) > 0) {
    }
}

Result<Progress> JsonReader::read(std::vector<Record>& out) {
    drain_notifications();
    ssize_t got = 0;
    if (!files_.empty()) {
        std::size_t before = rest_.size();
        rest_.resize(before + kBlock);
        got = ::pread(files_.front().get(), rest_.data() + before, kBlock, static_cast<off_t>(offset_));
        rest_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno != EINTR) return fail_errno("read " + path_);
    }
    if (got > 0) {
        offset_ += static_cast<std::uint64_t>(got);
        return take_lines(out) ? Progress::kMore : Progress::kEnd;
    }
    BERTH_TRY(bool more, advance());
    if (more) return Progress::kMore;
    return options_.follow && !finished_ ? Progress::kWaiting : Progress::kEnd;
}

Result<bool> JsonReader::advance() {
    if (files_.empty()) {
        if (!options_.follow) return false;
        BERTH_CHECK(open_files());
        return !files_.empty();
    }
    BERTH_TRY(FileId current, identify(files_.front().get()));
    if (current.size > offset_) return true;
    if (files_.size() > 1) {
        files_.pop_front();
        offset_ = 0;
        rest_.clear();
        return true;
    }
    // A log of one file starts over at its beginning.
    if (current.size < offset_) {
        offset_ = 0;
        rest_.clear();
        return true;
    }
    if (!options_.follow) return false;
    return follow_rotation();
}

Result<bool> JsonReader::follow_rotation() {
    BERTH_TRY(FileId current, identify(files_.front().get()));
    BERTH_TRY(auto newer, open_backwards(path_, &current));
    if (newer.empty()) return false;
    for (auto file = newer.rbegin(); file != newer.rend(); ++file) files_.push_back(std::move(*file));
    // The current file stays in front: it may have grown before it was rotated.
    return true;
}

bool JsonReader::take_lines(std::vector<Record>& out) {
    std::size_t start = 0;
    bool in_time = true;
    for (auto end = rest_.find('\n'); end != std::string::npos && in_time; end = rest_.find('\n', start)) {
        auto record = parse_json_record(std::string_view(rest_).substr(start, end - start));
        start = end + 1;
        if (!record) continue;  // a damaged line must not hide the others
        if (options_.until && record->time > *options_.until) in_time = false;
        bool wanted = record->stream == Stream::kStdout ? options_.with_stdout : options_.with_stderr;
        if (options_.since && record->time < *options_.since) wanted = false;
        if (in_time && wanted) out.push_back(std::move(*record));
    }
    rest_.erase(0, start);
    return in_time;
}

}  // namespace berth::logs
