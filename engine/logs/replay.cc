#include "engine/logs/replay.h"

#include <unistd.h>

#include <cerrno>

namespace berth::logs {

namespace {
constexpr std::size_t kChunk = 64 * 1024;
}

Replay::Replay(UniqueFd file, std::uint64_t offset, Taken (*take)(std::string_view, Record&),
               std::size_t max_files)
    : offset_(offset), take_(take), max_files_(max_files) {
    files_.push_back(std::move(file));
}

void Replay::written(Stream stream, std::string_view line, bool partial, bool lossy) {
    ++written_;
    if (!lossy) return;
    Record record;
    record.stream = stream;
    record.text = std::string(line) + (partial ? "" : "\n");
    kept_ += record.text.size();
    lossy_[written_] = std::move(record);
}

Result<bool> Replay::read_on() {
    rest_.erase(0, at_);
    at_ = 0;
    for (;;) {
        const std::size_t had = rest_.size();
        rest_.resize(had + kChunk);
        ssize_t got = 0;
        do {
            got = ::pread(files_.front().get(), rest_.data() + had, kChunk, static_cast<off_t>(offset_));
        } while (got < 0 && errno == EINTR);
        rest_.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
        if (got < 0) return fail_errno("read back a log");
        if (got > 0) {
            offset_ += static_cast<std::uint64_t>(got);
            return true;
        }
        if (files_.size() == 1) return false;
        files_.pop_front();
        offset_ = 0;
    }
}

Result<std::optional<Record>> Replay::next() {
    Record record;
    while (read_ < written_) {
        const Taken taken = take_(std::string_view(rest_).substr(at_), record);
        if (taken.size == 0) {
            BERTH_TRY(bool more, read_on());
            // What the disk did not take.
            if (!more) return fail(ErrorKind::kDataLoss, "records are missing in the log");
            continue;
        }
        at_ += taken.size;
        ++read_;
        if (auto kept = lossy_.find(read_); kept != lossy_.end()) {
            record = std::move(kept->second);
            kept_ -= record.text.size();
            lossy_.erase(kept);
            return record;
        }
        if (!taken.good) return fail(ErrorKind::kDataLoss, "a record of the log is damaged");
        return record;
    }
    std::string().swap(rest_);
    at_ = 0;
    return std::optional<Record>();
}

}  // namespace berth::logs
