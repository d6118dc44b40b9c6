#include "engine/logs/cached_log.h"

#include "engine/logs/driver_options.h"
#include "engine/logs/file_log.h"

namespace berth::logs {

namespace {
constexpr std::string_view kPrefix = "cache-";
constexpr const char* kDisabled = "cache-disabled";
}  // namespace

Result<std::unique_ptr<LogDriver>> CachedLog::open(const LogPlan& plan, std::unique_ptr<LogDriver> log) {
    const LogPlan file{"local", plan.path, cache_options(plan.options), {}, ""};
    BERTH_TRY(auto cache, in("error initializing local log cache driver", FileLog::open(file)));
    return std::unique_ptr<LogDriver>(new CachedLog(std::move(log), std::move(cache)));
}

Result<> CachedLog::write(Stream stream, Timestamp time, std::string_view line, bool partial) {
    auto kept = cache_->write(stream, time, line, partial);
    auto sent = log_->write(stream, time, line, partial);
    return sent ? std::move(kept) : std::move(sent);
}

Result<> CachedLog::flush() {
    auto kept = cache_->flush();
    auto sent = log_->flush();
    return sent ? std::move(kept) : std::move(sent);
}

bool wants_cache(const std::string& driver, const Options& options) {
    if (driver == "none" || driver == "json-file" || driver == "local") return false;
    return !switched(options, kDisabled).value_or(true);
}

Options cache_options(const Options& options) {
    Options out;
    for (const auto& [key, value] : options) {
        if (key.starts_with(kPrefix) && key != kDisabled) out[key.substr(kPrefix.size())] = value;
    }
    return out;
}

Result<> check_cache_options(const Options& options) {
    if (!switched(options, kDisabled))
        return fail(ErrorKind::kInvalidArgument,
                    std::string("invalid value for option ") + kDisabled + ": " + options.at(kDisabled));
    BERTH_CHECK(file_limits("local", cache_options(options)));
    return {};
}

}  // namespace berth::logs
