#include "engine/logs/json_file.h"
#include "engine/logs/log_driver.h"

namespace berth::logs {

namespace {

class NoLog final : public LogDriver {
 public:
    Result<> write(Stream, Timestamp, std::string_view, bool) override { return {}; }
    Result<> flush() override { return {}; }
};

Result<> check_json_options(const Options& options) {
    for (const auto& [key, value] : options) {
        bool known = key == "max-size" || key == "max-file" || (key == "compress" && value == "false");
        if (known) continue;
        bool dockers = key == "compress" || key == "labels" || key == "labels-regex" || key == "env" ||
                       key == "env-regex" || key == "tag";
        std::string text = dockers ? "log opt '" + key + "' is not supported yet for json-file log driver"
                                   : "unknown log opt '" + key + "' for json-file log driver";
        return fail(ErrorKind::kInvalidArgument, std::move(text));
    }
    if (auto limits = parse_rotation(options); !limits) return Failure(limits.error());
    return {};
}

}  // namespace

Result<> check_log_options(const std::string& driver, const Options& options) {
    if (driver == "none") return {};
    if (driver == "json-file") return check_json_options(options);
    return fail(ErrorKind::kInvalidArgument, "logger: no log driver named '" + driver +
                                                 "' is registered (json-file and none are supported)");
}

Result<std::unique_ptr<LogDriver>> open_log(const std::string& driver, const std::string& path,
                                            const Options& options) {
    BERTH_CHECK(check_log_options(driver, options));
    if (driver == "none") return std::unique_ptr<LogDriver>(std::make_unique<NoLog>());
    BERTH_TRY(RotationLimits limits, parse_rotation(options));
    return JsonFile::open(path, limits);
}

}  // namespace berth::logs
