#include "engine/logs/file_log.h"

#include "engine/base/files.h"
#include "engine/logs/json_record.h"
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
    if (json_) {
        append_json_record(out, stream, time, line, partial, attributes_);
    } else {
        append_local_record(out, stream, time, line, pieces_.next(stream, partial));
    }
    auto ended = file_->end();
    return trouble ? std::move(ended) : std::move(trouble);
}

}  // namespace berth::logs
