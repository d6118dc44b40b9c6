#include "engine/logs/rotated_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "engine/base/files.h"
#include "engine/base/size.h"
#include "engine/logs/companion.h"
#include "engine/logs/driver_options.h"
#include "engine/logs/packed_file.h"
#include "engine/sys/spawn.h"

namespace berth::logs {

namespace {

constexpr std::size_t kFlushAt = 16 * 1024;
constexpr std::size_t kKeptWhileFailing = 1 << 20;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

}  // namespace

Result<RotationLimits> parse_rotation(const Options& options, RotationLimits limits) {
    const bool compressed_anyway = limits.compress;
    if (auto size = options.find("max-size"); size != options.end()) {
        BERTH_TRY(auto bytes, parse_size(size->second, SizeUnits::kDecimal));
        if (bytes <= 0) return bad("max-size must be a positive number");
        limits.max_size = static_cast<std::uint64_t>(bytes);
    }
    if (auto count = options.find("max-file"); count != options.end()) {
        const std::string& text = count->second;
        int number = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || end != text.data() + text.size())
            return bad("strconv.Atoi: parsing \"" + text + "\": invalid syntax");
        if (number < 1) return bad("max-file cannot be less than 1");
        limits.max_files = static_cast<unsigned>(number);
    }
    if (options.contains("compress")) {
        BERTH_TRY(limits.compress, switched(options, "compress"));
    }
    if (limits.compress && compressed_anyway && limits.max_files == 1)
        return bad("compression cannot be enabled when max file count is 1");
    if (limits.compress && (limits.max_files == 1 || limits.max_size == 0))
        return bad("compress cannot be true when max-file is less than 2 or max-size is not set");
    return limits;
}

Result<std::unique_ptr<RotatedFile>> RotatedFile::open(const std::string& path, RotationLimits limits) {
    std::unique_ptr<RotatedFile> file(new RotatedFile(path, limits));
    BERTH_CHECK(file->open_current());
    return file;
}

RotatedFile::~RotatedFile() {
    (void)flush().has_value();
}

Result<> RotatedFile::open_current() {
    BERTH_TRY(file_, open_file(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640));
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return fail_errno("stat " + path_);
    size_ = static_cast<std::uint64_t>(status.st_size);
    return {};
}

Result<UniqueFd> RotatedFile::open_for_reading() const {
    return open_file("/proc/self/fd/" + std::to_string(file_.get()), O_RDONLY);
}

std::string& RotatedFile::begin(Result<>& trouble) {
    if (limits_.max_size != 0 && size_ + pending_.size() >= limits_.max_size) {
        trouble = flush();
        if (trouble) trouble = rotate();
    }
    record_ = pending_.size();
    return pending_;
}

Result<> RotatedFile::end() {
    if (failing_ && pending_.size() > kKeptWhileFailing) {
        pending_.resize(record_);
        ++lost_;
    }
    if (pending_.size() >= kFlushAt) return flush();
    return {};
}

Result<> RotatedFile::flush() {
    if (pending_.empty()) return {};
    auto written = write_all(file_.get(), pending_);
    failing_ = !written;
    if (failing_) {
        // Half a record must not spoil the next one; all of it is tried again with the next.
        [[maybe_unused]] int cut = ::ftruncate(file_.get(), static_cast<off_t>(size_));
        return in("write " + path_, std::move(written));
    }
    size_ += pending_.size();
    pending_.clear();
    // One long burst must not decide what an idle shim keeps.
    if (pending_.capacity() > 2 * kFlushAt) pending_.shrink_to_fit();
    return {};
}

// Each rotated file one number up, compressed or not; the oldest goes.
void RotatedFile::shift() {
    for (unsigned i = limits_.max_files - 1; i > 1; --i) {
        const std::string to = path_ + "." + std::to_string(i), from = path_ + "." + std::to_string(i - 1);
        for (const char* ending : {"", ".gz"}) ::unlink((to + ending).c_str());
        for (const char* ending : {"", ".gz"}) ::rename((from + ending).c_str(), (to + ending).c_str());
    }
    if (limits_.max_files == 2) ::unlink((path_ + ".1.gz").c_str());
}

Result<> RotatedFile::rotate() {
    if (limits_.max_files == 1) {
        if (::ftruncate(file_.get(), 0) != 0) return fail_errno("truncate " + path_);
        size_ = 0;
        return {};
    }
    // Its compressor must not find them half way.
    BERTH_TRY(const UniqueFd held, hold_rotated(path_));
    shift();
    const std::string first = path_ + ".1";
    if (::rename(path_.c_str(), first.c_str()) != 0 && errno != ENOENT) return fail_errno("rotate " + path_);
    BERTH_CHECK(open_current());
    ++rotations_;
    if (limits_.compress && !compressing()) compress();
    return {};
}

bool RotatedFile::compressing() const {
    if (!compressor_) return false;
    pollfd ended{compressor_.get(), 0, 0};
    return ::poll(&ended, 1, 0) == 0;
}

// What cannot be compressed stays as it is, and is read so.
void RotatedFile::compress() {
    auto program = companion("berth-logger");
    int pipe[2] = {-1, -1};
    if (!program || ::pipe2(pipe, O_CLOEXEC) != 0) return;
    compressor_.reset(pipe[0]);
    const UniqueFd theirs(pipe[1]);
    (void)sys::spawn({.argv = {*program, "--compress", path_}, .fds = {-1, theirs.get(), -1}}).has_value();
}

}  // namespace berth::logs
