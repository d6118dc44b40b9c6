#pragma once

#include "engine/logs/log_driver.h"

namespace berth::logs {

// A driver that cannot be read, and beside it a file that can: Docker's dual logging. A trouble of one does
// not keep records from the other.
class CachedLog final : public LogDriver {
 public:
    // `log` with the cache that `plan` asks for: a "local" file at plan.path, of the size that its cache-…
    // options say.
    static Result<std::unique_ptr<LogDriver>> open(const LogPlan& plan, std::unique_ptr<LogDriver> log);
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override;
    Result<> flush() override;
    std::uint64_t lost() const override { return log_->lost(); }
    Wait waiting() const override { return log_->waiting(); }
    bool behind() const override { return log_->behind(); }
    bool end() override { return log_->end(); }

 private:
    CachedLog(std::unique_ptr<LogDriver> log, std::unique_ptr<LogDriver> cache)
        : log_(std::move(log)), cache_(std::move(cache)) {}

    std::unique_ptr<LogDriver> log_, cache_;
};

// Whether a log is to have a cache: one that is not readable itself and does not say cache-disabled.
bool wants_cache(const std::string& driver, const Options& options);
// The options of the cache's own file: cache-max-size as max-size, and so on.
Options cache_options(const Options& options);
// kInvalidArgument with Docker's text for cache-… options that cannot be.
Result<> check_cache_options(const Options& options);

}  // namespace berth::logs
