#include "engine/logs/file_reader.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/logs/packed_file.h"
#include "engine/logs/time_search.h"

namespace berth::logs {

namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr unsigned kMaxFiles = 100'000;  // a loop over rotated files ends, whatever lies there

std::string rotated(const std::string& path, unsigned number) {
    return number == 0 ? path : path + "." + std::to_string(number);
}

}  // namespace

// PATH.number, packed or not; nothing if it is not there.
Result<std::optional<FileReader::File>> FileReader::open_numbered(unsigned number) const {
    const std::string name = rotated(path_, number);
    File file;
    for (const char* ending : {"", ".gz"}) {
        auto opened = open_file(name + ending, O_RDONLY | O_NOFOLLOW);
        if (!opened && opened.error().sys_errno == ENOENT) continue;
        if (!opened) return Failure(std::move(opened.error()));
        file.fd = std::move(*opened);
        file.packed = *ending != '\0';
        break;
    }
    if (!file.fd) return std::optional<File>();
    struct stat status{};
    if (::fstat(file.fd.get(), &status) != 0) return fail_errno("stat log");
    file.device = status.st_dev;
    file.inode = file.packed ? packed_inode(file.fd.get()).value_or(0) : status.st_ino;
    return std::optional<File>(std::move(file));
}

// The files from the newest backwards until `stop` (which is not taken) or the oldest; newest first.
Result<std::vector<FileReader::File>> FileReader::open_backwards(const File* stop) const {
    std::vector<File> files;
    for (unsigned number = 0; number < kMaxFiles; ++number) {
        BERTH_TRY(auto file, open_numbered(number));
        // PATH itself is missing for a moment in each rotation, or before the first record.
        if (!file && number == 0) continue;
        if (!file) break;
        // A packed file that does not say which one it was is older than any that is being followed.
        if (stop != nullptr &&
            (file->inode == 0 || (file->inode == stop->inode && file->device == stop->device)))
            break;
        // Rotated between two opens: the same file under its next name.
        if (!files.empty() && file->inode != 0 && file->inode == files.back().inode) continue;
        files.push_back(std::move(*file));
    }
    return files;
}

Result<> FileReader::unpack(File& file) const {
    if (!file.packed) return {};
    auto slash = path_.find_last_of('/');
    BERTH_TRY(file.fd, unpack_file(file.fd.get(), slash == std::string::npos ? "." : path_.substr(0, slash)));
    file.packed = false;
    return {};
}

Result<std::unique_ptr<LogReader>> FileReader::open(const std::string& path, Codec codec,
                                                    ReadOptions options) {
    std::unique_ptr<FileReader> reader(new FileReader(path, codec, options));
    // Watched before anything is read: what comes in between is noticed.
    if (reader->options_.follow) BERTH_CHECK(reader->watch());
    BERTH_CHECK(reader->open_files());
    if (reader->options_.tail) {
        BERTH_CHECK(reader->seek_tail());
    } else if (reader->options_.since) {
        BERTH_CHECK(reader->seek_since(*reader->options_.since));
    }
    return std::unique_ptr<LogReader>(std::move(reader));
}

Result<> FileReader::watch() {
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

Result<> FileReader::open_files() {
    BERTH_TRY(auto files, open_backwards(nullptr));
    for (File& file : files) files_.push_front(std::move(file));
    return {};
}

Result<> FileReader::seek_tail() {
    std::uint64_t wanted = *options_.tail;
    std::size_t index = files_.size();
    while (index > 0) {
        BERTH_CHECK(unpack(files_[index - 1]));
        BERTH_TRY(TailPosition tail, codec_.tail(files_[index - 1].fd.get(), wanted));
        --index;
        offset_ = tail.offset;
        wanted -= std::min(wanted, tail.found);
        if (wanted == 0) break;
    }
    files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(index));
    return {};
}

Result<> FileReader::seek_since(Timestamp since) {
    std::size_t index = files_.size();
    while (index > 0) {
        --index;
        BERTH_CHECK(unpack(files_[index]));
        BERTH_TRY(const auto first, first_time(files_[index].fd.get(), codec_));
        if (first && *first < since) break;
    }
    files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(index));
    if (files_.empty()) return {};
    BERTH_TRY(offset_, find_since(files_.front().fd.get(), codec_, since));
    return {};
}

void FileReader::drain_notifications() {
    alignas(inotify_event) char buffer[4096];
    while (notify_ && ::read(notify_.get(), buffer, sizeof buffer) > 0) {
    }
}

Result<std::size_t> FileReader::fill() {
    if (files_.empty()) return 0;
    BERTH_CHECK(unpack(files_.front()));
    const std::size_t left = end_ - begin_;
    if (room_ < left + kBlock) {
        std::unique_ptr<char[]> larger(new char[left + kBlock]);
        if (left > 0) std::memcpy(larger.get(), buffer_.get() + begin_, left);
        buffer_ = std::move(larger);
        room_ = left + kBlock;
    } else if (left > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, left);
    }
    begin_ = 0;
    end_ = left;
    ssize_t got = 0;
    do {
        got = ::pread(files_.front().fd.get(), buffer_.get() + end_, kBlock, static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("read " + path_);
    end_ += static_cast<std::size_t>(got);
    offset_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
}

Result<Progress> FileReader::read(const std::function<void(const Record&)>& out) {
    drain_notifications();
    BERTH_TRY(const std::size_t got, fill());
    if (got > 0) return take_records(out) ? Progress::kMore : Progress::kEnd;
    BERTH_TRY(bool more, advance());
    if (more) return Progress::kMore;
    if (!options_.follow || finished_) return Progress::kEnd;
    // Many may wait for long.
    if (begin_ == end_) {
        buffer_.reset();
        room_ = begin_ = end_ = 0;
    }
    return Progress::kWaiting;
}

Result<bool> FileReader::advance() {
    if (files_.empty()) {
        if (!options_.follow) return false;
        BERTH_CHECK(open_files());
        return !files_.empty();
    }
    struct stat status{};
    if (::fstat(files_.front().fd.get(), &status) != 0) return fail_errno("stat log");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > offset_) return true;
    if (files_.size() > 1) {
        files_.pop_front();
        offset_ = 0;
        forget_rest();
        return true;
    }
    // A log of one file starts over at its beginning.
    if (size < offset_) {
        offset_ = 0;
        forget_rest();
        return true;
    }
    if (!options_.follow) return false;
    return follow_rotation();
}

Result<bool> FileReader::follow_rotation() {
    BERTH_TRY(auto newer, open_backwards(&files_.front()));
    if (newer.empty()) return false;
    for (auto file = newer.rbegin(); file != newer.rend(); ++file) files_.push_back(std::move(*file));
    // The current file stays in front: it may have grown before it was rotated.
    return true;
}

bool FileReader::take_records(const std::function<void(const Record&)>& out) {
    for (;;) {
        const Taken taken = codec_.take({buffer_.get() + begin_, end_ - begin_}, record_);
        if (taken.size == 0) return true;
        begin_ += taken.size;
        if (!taken.good) {
            ++damaged_;  // it must not hide the others
            continue;
        }
        if (options_.until && record_.time > *options_.until) return false;
        if (options_.since && record_.time < *options_.since) continue;
        if (record_.stream == Stream::kStdout ? options_.with_stdout : options_.with_stderr) out(record_);
    }
}

}  // namespace berth::logs
