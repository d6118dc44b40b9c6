#include "engine/logs/json_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "engine/base/files.h"
#include "engine/logs/json_record.h"

namespace berth::logs {

namespace {

constexpr std::size_t kFlushAt = 16 * 1024;

Failure bad(const std::string& key, const std::string& value) {
    return fail(ErrorKind::kInvalidArgument, "invalid value for " + key + ": " + value);
}

// go-units' FromHumanSize, for what people write: "10m", "512k", "1.5g", "100".
Result<std::uint64_t> parse_size(const std::string& key, const std::string& text) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string unit(end, text.data() + text.size() - end);
    for (char& c : unit) c = static_cast<char>(c | 0x20);
    if (unit.ends_with("b")) unit.pop_back();
    double scale = unit.empty()  ? 1
                   : unit == "k" ? 1e3
                   : unit == "m" ? 1e6
                   : unit == "g" ? 1e9
                   : unit == "t" ? 1e12
                                 : 0;
    if (error != std::errc() || scale == 0 || number < 0 || number * scale > 1e18) return bad(key, text);
    return static_cast<std::uint64_t>(number * scale);
}

}  // namespace

Result<RotationLimits> parse_rotation(const Options& options) {
    RotationLimits limits;
    if (auto size = options.find("max-size"); size != options.end()) {
        BERTH_TRY(limits.max_size, parse_size("max-size", size->second));
        if (limits.max_size == 0)
            return fail(ErrorKind::kInvalidArgument, "max-size must be a positive number");
    }
    if (auto count = options.find("max-file"); count != options.end()) {
        const std::string& text = count->second;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limits.max_files);
        if (error != std::errc() || end != text.data() + text.size()) return bad("max-file", text);
        if (limits.max_files < 1) return fail(ErrorKind::kInvalidArgument, "max-file cannot be less than 1");
    }
    return limits;
}

Result<std::unique_ptr<LogDriver>> JsonFile::open(const std::string& path, RotationLimits limits) {
    std::unique_ptr<JsonFile> log(new JsonFile(path, limits));
    BERTH_CHECK(log->open_current());
    return std::unique_ptr<LogDriver>(std::move(log));
}

JsonFile::~JsonFile() {
    (void)flush().has_value();
}

Result<> JsonFile::open_current() {
    BERTH_TRY(file_, open_file(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640));
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return fail_errno("stat " + path_);
    size_ = static_cast<std::uint64_t>(status.st_size);
    return {};
}

Result<> JsonFile::write(Stream stream, Timestamp time, std::string_view line, bool partial) {
    if (limits_.max_size != 0 && size_ + pending_.size() >= limits_.max_size) {
        BERTH_CHECK(flush());
        BERTH_CHECK(rotate());
    }
    append_json_record(pending_, stream, time, line, partial);
    if (pending_.size() >= kFlushAt) return flush();
    return {};
}

Result<> JsonFile::flush() {
    if (pending_.empty()) return {};
    auto written = write_all(file_.get(), pending_);
    if (written) {
        size_ += pending_.size();
    } else {
        // Half a record must not spoil the next one. What cannot be written is lost, as with dockerd.
        [[maybe_unused]] int cut = ::ftruncate(file_.get(), static_cast<off_t>(size_));
    }
    pending_.clear();
    // One long burst must not decide what an idle shim keeps.
    if (pending_.capacity() > 2 * kFlushAt) pending_.shrink_to_fit();
    return in("write " + path_, std::move(written));
}

Result<> JsonFile::rotate() {
    if (limits_.max_files == 1) {
        if (::ftruncate(file_.get(), 0) != 0) return fail_errno("truncate " + path_);
        size_ = 0;
        return {};
    }
    for (unsigned i = limits_.max_files - 1; i > 0; --i) {
        std::string from = i == 1 ? path_ : path_ + "." + std::to_string(i - 1);
        if (::rename(from.c_str(), (path_ + "." + std::to_string(i)).c_str()) != 0 && errno != ENOENT) {
            return fail_errno("rotate " + from);
        }
    }
    return open_current();
}

}  // namespace berth::logs
