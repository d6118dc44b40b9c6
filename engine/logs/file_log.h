#pragma once

#include <vector>

#include "engine/logs/pieces.h"
#include "engine/logs/replay.h"
#include "engine/logs/rotated_file.h"

namespace berth::logs {

// json-file and local: records in files of our own.
class FileLog final : public LogDriver {
 public:
    static Result<std::unique_ptr<LogDriver>> open(const LogPlan& plan);
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override;
    Result<> flush() override { return file_->flush(); }
    std::uint64_t lost() const override { return file_->lost(); }
    std::shared_ptr<Replay> replay() override;

 private:
    FileLog(std::unique_ptr<RotatedFile> file, bool json, std::string attributes)
        : file_(std::move(file)), json_(json), attributes_(std::move(attributes)) {}

    // Whoever reads back hears of a record before it is written, and of each new file.
    void tell_replays(Stream stream, std::string_view line, bool partial);

    std::unique_ptr<RotatedFile> file_;
    bool json_;
    std::string attributes_;  // as JSON, or ""
    PieceCounter pieces_;
    std::vector<std::weak_ptr<Replay>> replays_;
    std::uint64_t rotations_ = 0;  // that the replays know of
};

// The limits of a file driver; checks the values of its options.
Result<RotationLimits> file_limits(const std::string& driver, const Options& options);

}  // namespace berth::logs
