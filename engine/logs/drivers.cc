#include "engine/logs/driver_options.h"
#include "engine/logs/file_log.h"
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
    if (buffer || is_remote(plan.driver)) return PipeLog::open(plan, buffer);
    return FileLog::open(plan);
}

}  // namespace berth::logs
