#include "engine/logs/file_log.h"

#include <utility>

#include "engine/base/files.h"
#include "engine/logs/json_record.h"
#include "engine/logs/json_text.h"
#include "engine/logs/local_record.h"

namespace berth::logs {

Result<RotationLimits> file_limits(const std::string& driver, const Options& options) {
    constexpr std::uint64_t kLocalSize = 20 << 20;
    if (driver == "local") return parse_rotation(options, {kLocalSize, 5, true});
    return parse_rotation(options, {});
}

Result<std::unique_ptr<LogDriver>> FileLog::open(const LogPlan& plan) {
    BERTH_TRY(RotationLimits limits, file_limits(plan.driver, plan.options));
    const bool json = plan.driver == "json-file";
    if (!json) BERTH_CHECK(make_folders(plan.path.substr(0, plan.path.rfind('/')), 0700));
    BERTH_TRY(auto file, RotatedFile::open(plan.path, limits));
    std::string attributes = json ? json_object(plan.attributes) : "";
    return std::unique_ptr<LogDriver>(new FileLog(std::move(file), json, std::move(attributes)));
}

Result<> FileLog::write(Stream stream, Timestamp time, std::string_view line, bool partial) {
    Result<> trouble;
    std::string& out = file_->begin(trouble);
    if (!replays_.empty()) tell_replays(stream, line, partial);
    if (json_) {
        append_json_record(out, stream, time, line, partial, attributes_);
    } else {
        append_local_record(out, stream, time, line, pieces_.next(stream, partial));
    }
    auto ended = file_->end();
    return trouble ? std::move(ended) : std::move(trouble);
}

std::shared_ptr<Replay> FileLog::replay() {
    constexpr std::uint64_t kLeastSize = 4 << 20;  // what is written at once never fills two files
    const RotationLimits& limits = file_->limits();
    const bool keeps = limits.max_size == 0 || (limits.max_files > 1 && limits.max_size >= kLeastSize);
    if (!keeps || !file_->flush()) return nullptr;
    auto file = file_->open_for_reading();
    if (!file) return nullptr;
    auto made = std::make_shared<Replay>(std::move(*file), file_->size(),
                                         json_ ? take_json_record : take_local_record, limits.max_files);
    if (replays_.empty()) rotations_ = file_->rotations();
    replays_.push_back(made);
    return made;
}

void FileLog::tell_replays(Stream stream, std::string_view line, bool partial) {
    std::erase_if(replays_, [](const auto& weak) { return weak.expired(); });
    const bool lossy = json_ && !is_utf8(line);
    const bool rotated = std::exchange(rotations_, file_->rotations()) != file_->rotations();
    for (const auto& weak : replays_) {
        auto replay = weak.lock();
        if (rotated) {
            // One that cannot be told of a file finds records missing, and says so.
            if (auto file = file_->open_for_reading()) replay->add_file(std::move(*file));
        }
        replay->written(stream, line, partial, lossy);
    }
}

}  // namespace berth::logs
