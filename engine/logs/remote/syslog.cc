#include <fmt/format.h>
#include <unistd.h>

#include <ctime>

#include "engine/logs/remote/remote_log.h"

namespace berth::logs {

namespace {

constexpr int kError = 3, kInfo = 6;

std::string formatted(std::time_t seconds, const char* format) {
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[64];
    return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

// 2026-11-21T01:20:00.123456+01:00, with as many digits as asked for.
std::string rfc3339(bool microseconds) {
    const Timestamp at = now();
    const auto nanoseconds = at.time_since_epoch().count();
    const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
    std::string out = formatted(seconds, "%Y-%m-%dT%H:%M:%S");
    if (microseconds) out += fmt::format(".{:06}", nanoseconds / 1000 % 1'000'000);
    const std::string zone = formatted(seconds, "%z");
    return out + (zone == "+0000" ? "Z" : zone.substr(0, 3) + ":" + zone.substr(3));
}

class SyslogEncoder final : public Encoder {
 public:
    explicit SyslogEncoder(const LogPlan& plan) : tag_(plan.tag), facility_(*syslog_facility(plan.options)) {
        if (auto format = plan.options.find("syslog-format"); format != plan.options.end())
            format_ = format->second;
        char name[256] = "localhost";
        ::gethostname(name, sizeof name - 1);
        host_ = name;
    }

    std::vector<std::string> encode(Stream stream, Timestamp, std::string_view line, const Piece&) override {
        if (line.empty()) return {};
        const int priority = facility_ | (stream == Stream::kStderr ? kError : kInfo);
        std::string out;
        if (format_.starts_with("rfc5424")) {
            out = fmt::format("<{}>1 {} {} {} {} {} - {}", priority, rfc3339(format_ == "rfc5424micro"),
                              host_, tag_, ::getpid(), tag_, line);
        } else {
            const std::string stamp = formatted(std::time(nullptr), "%b %e %H:%M:%S");
            const std::string host = format_ == "rfc3164" ? host_ + " " : "";
            out = fmt::format("<{}>{} {}{}[{}]: {}", priority, stamp, host, tag_, ::getpid(), line);
        }
        if (!out.ends_with('\n')) out += '\n';
        return {std::move(out)};
    }

 private:
    std::string tag_, format_, host_;
    int facility_;
};

}  // namespace

std::unique_ptr<Encoder> make_syslog_encoder(const LogPlan& plan) {
    return std::make_unique<SyslogEncoder>(plan);
}

}  // namespace berth::logs
