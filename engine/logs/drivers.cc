#include "engine/logs/cached_log.h"
#include "engine/logs/driver_options.h"
#include "engine/logs/file_log.h"
#include "engine/logs/journald_log.h"
#include "engine/logs/log_driver.h"
#include "engine/logs/pipe_log.h"

namespace berth::logs {

namespace {

class NoLog final : public LogDriver {
 public:
    Result<> write(Stream, Timestamp, std::string_view, bool) override { return {}; }
    Result<> flush() override { return {}; }
};

}  // namespace

Result<std::unique_ptr<LogDriver>> open_log(const LogPlan& plan) {
    BERTH_CHECK(check_log_options(plan.driver, plan.options));
    if (plan.driver == "none") return std::unique_ptr<LogDriver>(std::make_unique<NoLog>());
    BERTH_TRY(auto buffer, lossy_buffer(plan.options));
    auto log = buffer || is_remote(plan.driver) ? PipeLog::open(plan, buffer) : open_own_log(plan);
    if (!log || plan.path.empty() || !wants_cache(plan.driver, plan.options)) return log;
    return CachedLog::open(plan, std::move(*log));
}

Result<std::unique_ptr<LogDriver>> open_own_log(const LogPlan& plan) {
    return plan.driver == "journald" ? JournaldLog::open(plan) : FileLog::open(plan);
}

}  // namespace berth::logs
