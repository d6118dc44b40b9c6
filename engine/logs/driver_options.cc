#include "engine/logs/driver_options.h"

#include <charconv>
#include <limits>
#include <span>

#include "engine/base/files.h"
#include "engine/base/size.h"
#include "engine/logs/cached_log.h"
#include "engine/logs/file_log.h"

namespace berth::logs {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::string option(const Options& options, const std::string& key) {
    auto found = options.find(key);
    return found == options.end() ? "" : found->second;
}

bool is_one_of(const std::string& key, std::span<const char* const> names) {
    for (const char* name : names) {
        if (key == name) return true;
    }
    return false;
}

constexpr const char* kAttributeKeys[] = {"labels", "labels-regex", "env", "env-regex", "tag"};
constexpr const char* kFileKeys[] = {"max-size", "max-file", "compress"};
constexpr const char* kSyslogKeys[] = {"syslog-address",        "syslog-facility", "syslog-format",
                                       "syslog-tls-ca-cert",    "syslog-tls-cert", "syslog-tls-key",
                                       "syslog-tls-skip-verify"};
constexpr const char* kGelfKeys[] = {"gelf-address", "gelf-compression-type", "gelf-compression-level",
                                     "gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"};
constexpr const char* kFluentdKeys[] = {
    "fluentd-address",     "fluentd-async",         "fluentd-buffer-limit",
    "fluentd-max-retries", "fluentd-retry-wait",    "fluentd-sub-second-precision",
    "fluentd-request-ack", "fluentd-write-timeout", "fluentd-async-reconnect-interval"};
// Those of every driver.
constexpr const char* kCommonKeys[] = {"mode",           "max-buffer-size", "cache-disabled",
                                       "cache-max-size", "cache-max-file",  "cache-compress"};

Result<> check_keys(const std::string& driver, const Options& options, std::span<const char* const> own) {
    for (const auto& [key, value] : options) {
        if (is_one_of(key, own) || is_one_of(key, kCommonKeys)) continue;
        if (driver != "local" && is_one_of(key, kAttributeKeys)) continue;
        if (driver == "gelf") return bad("unknown log opt \"" + key + "\" for gelf log driver");
        if (driver == "local") return bad("unknown log opt '" + key + "' for log driver local");
        return bad("unknown log opt '" + key + "' for " + driver + " log driver");
    }
    return {};
}

// "scheme://host:port" and "scheme:///path", taken apart.
Result<Address> parse_url(const std::string& text) {
    auto mark = text.find("://");
    if (mark == std::string::npos) return bad("unsupported scheme: ''");
    Address out;
    out.scheme = text.substr(0, mark);
    std::string rest = text.substr(mark + 3);
    auto slash = rest.find('/');
    if (slash != std::string::npos) {
        out.path = rest.substr(slash);
        rest.resize(slash);
    }
    auto colon = rest.rfind(':');
    if (rest.starts_with('[') && colon < rest.find(']')) colon = std::string::npos;
    if (colon != std::string::npos) {
        const char* begin = rest.data() + colon + 1;
        const char* end = rest.data() + rest.size();
        auto [stop, error] = std::from_chars(begin, end, out.port);
        if (error != std::errc() || stop != end) return bad("invalid port: " + rest.substr(colon + 1));
        rest.resize(colon);
    }
    if (rest.size() > 2 && rest.front() == '[' && rest.back() == ']') rest = rest.substr(1, rest.size() - 2);
    out.host = rest;
    return out;
}

Result<Address> syslog_address(const std::string& text) {
    if (text.empty()) return Address{};
    BERTH_TRY(Address out, parse_url(text));
    if (out.scheme == "unix" || out.scheme == "unixgram") {
        if (!exists(out.path)) return bad("stat " + out.path + ": no such file or directory");
        return out;
    }
    if (out.scheme != "udp" && out.scheme != "tcp" && out.scheme != "tcp+tls")
        return bad("unsupported scheme: '" + out.scheme + "'");
    if (out.port == 0) out.port = 514;
    return out;
}

Result<Address> gelf_address(const std::string& text) {
    if (text.empty()) return bad("gelf-address is a required parameter");
    BERTH_TRY(Address out, parse_url(text));
    if (out.scheme != "udp" && out.scheme != "tcp") return bad("gelf: endpoint needs to be TCP or UDP");
    if (out.port == 0) return bad("gelf: please provide gelf-address as proto://host:port");
    return out;
}

Result<Address> fluentd_address(const std::string& text) {
    const std::string phrase = "invalid fluentd-address (" + text + ")";
    const std::string given = text.empty()                            ? "tcp://"
                              : text.find("://") == std::string::npos ? "tcp://" + text
                                                                      : text;
    BERTH_TRY(Address out, in(phrase, parse_url(given)));
    if (out.scheme == "unix") {
        if (out.path.find_first_not_of('/') == std::string::npos) return bad(phrase + ": path is empty");
        return out;
    }
    if (out.scheme != "tcp" && out.scheme != "tls")
        return bad(phrase + ": unsupported scheme: '" + out.scheme + "'");
    if (!out.path.empty()) return bad(phrase + ": should not contain a path element");
    if (out.host.empty()) out.host = "127.0.0.1";
    if (out.port == 0) out.port = 24224;
    return out;
}

Result<> check_syslog(const Options& options) {
    BERTH_CHECK(check_keys("syslog", options, kSyslogKeys));
    BERTH_CHECK(remote_address("syslog", options));
    BERTH_CHECK(syslog_facility(options));
    const std::string format = option(options, "syslog-format");
    if (format.empty() || format == "rfc3164" || format == "rfc5424" || format == "rfc5424micro") return {};
    return bad("Invalid syslog format");
}

Result<> check_gelf(const Options& options) {
    BERTH_TRY(Address address, remote_address("gelf", options));
    BERTH_CHECK(check_keys("gelf", options, kGelfKeys));
    const std::string type = option(options, "gelf-compression-type"),
                      level = option(options, "gelf-compression-level");
    if (address.scheme != "udp" && !(type + level).empty())
        return bad("compression is only supported on UDP");
    if (!type.empty() && type != "gzip" && type != "zlib" && type != "none")
        return bad("unknown value \"" + type +
                   "\" for log opt \"gelf-compression-type\" for gelf log driver");
    if (!level.empty()) {
        int number = 0;
        auto [end, error] = std::from_chars(level.data(), level.data() + level.size(), number);
        if (error != std::errc() || end != level.data() + level.size() || number < -1 || number > 9)
            return bad("unknown value \"" + level +
                       "\" for log opt \"gelf-compression-level\" for gelf log driver");
    }
    for (const char* key : {"gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"}) {
        if (!options.contains(key)) continue;
        if (address.scheme != "tcp") return bad("\"" + std::string(key) + "\" is only valid for TCP");
        if (!number_option(options, key, 0, std::numeric_limits<int>::max()))
            return bad("\"" + std::string(key) + "\" must be a positive integer");
    }
    return {};
}

// Between 100 ms and 10 s, or 0.
Result<> check_reconnect_interval(const std::string& text) {
    constexpr const char* kKey = "fluentd-async-reconnect-interval";
    if (text.empty()) return {};
    BERTH_TRY(auto milliseconds, in(std::string("invalid value for ") + kKey, parse_duration(text)));
    if (milliseconds == 0 || (milliseconds >= 100 && milliseconds <= 10'000)) return {};
    return bad(std::string("invalid value for ") + kKey + ": value (\"" + text +
               "\") must be between 100ms and 10s");
}

Result<> check_fluentd(const Options& options) {
    BERTH_CHECK(check_keys("fluentd", options, kFluentdKeys));
    BERTH_CHECK(remote_address("fluentd", options));
    if (auto limit = option(options, "fluentd-buffer-limit"); !limit.empty())
        BERTH_CHECK(parse_size(limit, SizeUnits::kBinary));
    if (auto text = option(options, "fluentd-retry-wait"); !text.empty()) BERTH_CHECK(parse_duration(text));
    if (auto text = option(options, "fluentd-write-timeout"); !text.empty())
        BERTH_CHECK(
            in("invalid value for fluentd-write-timeout: value must be a duration", parse_duration(text)));
    BERTH_CHECK(check_reconnect_interval(option(options, "fluentd-async-reconnect-interval")));
    BERTH_CHECK(number_option(options, "fluentd-max-retries", 0, std::numeric_limits<int>::max()));
    for (const char* key : {"fluentd-async", "fluentd-sub-second-precision", "fluentd-request-ack"})
        BERTH_CHECK(switched(options, key));
    return {};
}

}  // namespace

bool is_remote(const std::string& driver) {
    return driver == "syslog" || driver == "gelf" || driver == "fluentd";
}

Result<std::optional<std::uint64_t>> lossy_buffer(const Options& options) {
    constexpr std::uint64_t kUsual = 1'000'000;
    const std::string mode = option(options, "mode");
    if (!mode.empty() && mode != "blocking" && mode != "non-blocking")
        return bad("logger: logging mode not supported: " + mode);
    const bool lossy = mode == "non-blocking";
    auto size = options.find("max-buffer-size");
    if (size == options.end()) return lossy ? std::optional(kUsual) : std::nullopt;
    if (!lossy) return bad("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    BERTH_TRY(auto bytes,
              in("error parsing option max-buffer-size", parse_size(size->second, SizeUnits::kBinary)));
    return std::optional(static_cast<std::uint64_t>(bytes));
}

Result<Address> remote_address(const std::string& driver, const Options& options) {
    const std::string text = option(options, driver + "-address");
    if (driver == "syslog") return syslog_address(text);
    return driver == "gelf" ? gelf_address(text) : fluentd_address(text);
}

TlsFiles tls_files(const Options& options) {
    // Whatever its value: as in Docker, the key alone counts.
    return {option(options, "syslog-tls-ca-cert"), option(options, "syslog-tls-cert"),
            option(options, "syslog-tls-key"), !options.contains("syslog-tls-skip-verify")};
}

Result<int> syslog_facility(const Options& options) {
    static constexpr const char* kNames[] = {"kern", "user", "mail", "daemon", "auth",     "syslog",
                                             "lpr",  "news", "uucp", "cron",   "authpriv", "ftp"};
    const std::string text = option(options, "syslog-facility");
    if (text.empty()) return 3 << 3;
    for (int i = 0; i < 12; ++i) {
        if (text == kNames[i]) return i << 3;
    }
    int number = -1;
    const bool local = text.size() == 6 && text.starts_with("local");
    const char* begin = text.data() + (local ? 5 : 0);
    auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size() && number >= 0;
    if (!whole || number > (local ? 7 : 23)) return bad("invalid syslog facility");
    return (local ? 16 + number : number) << 3;
}

Result<std::int64_t> parse_duration(const std::string& text) {
    auto wrong = [&] { return bad("time: invalid duration \"" + text + "\""); };
    double total = 0;
    const char* at = text.data();
    const char* end = text.data() + text.size();
    if (at == end) return wrong();
    if (text == "0") return 0;
    while (at != end) {
        double number = 0;
        auto [rest, error] = std::from_chars(at, end, number);
        if (error != std::errc() || number < 0) return wrong();
        const char* unit_end = rest;
        while (unit_end != end && (*unit_end < '0' || *unit_end > '9') && *unit_end != '.') ++unit_end;
        const std::string unit(rest, unit_end);
        if (unit.empty()) return bad("time: missing unit in duration \"" + text + "\"");
        const double scale = unit == "h"    ? 3.6e6
                             : unit == "m"  ? 6e4
                             : unit == "s"  ? 1e3
                             : unit == "ms" ? 1
                                            : -1;
        if (scale < 0) return bad("time: unknown unit \"" + unit + "\" in duration \"" + text + "\"");
        total += number * scale;
        at = unit_end;
    }
    if (total > 1e15) return wrong();
    return static_cast<std::int64_t>(total);
}

Result<bool> switched(const Options& options, const std::string& key) {
    const std::string text = option(options, key);
    if (text.empty() || text == "0" || text == "f" || text == "F" || text == "false" || text == "FALSE" ||
        text == "False")
        return false;
    if (text == "1" || text == "t" || text == "T" || text == "true" || text == "TRUE" || text == "True")
        return true;
    return bad("strconv.ParseBool: parsing \"" + text + "\": invalid syntax");
}

Result<std::int64_t> number_option(const Options& options, const std::string& key, std::int64_t otherwise,
                                   std::int64_t most) {
    const std::string text = option(options, key);
    if (text.empty()) return otherwise;
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > most)
        return bad("invalid value for " + key + ": " + text);
    return number;
}

Result<> check_log_options(const std::string& driver, const Options& options) {
    if (driver == "none") return {};
    BERTH_CHECK(lossy_buffer(options));
    BERTH_CHECK(check_cache_options(options));
    if (driver == "journald") return check_keys(driver, options, {});
    if (driver == "json-file" || driver == "local") {
        BERTH_CHECK(check_keys(driver, options, kFileKeys));
        BERTH_CHECK(file_limits(driver, options));
        return {};
    }
    if (driver == "syslog") return check_syslog(options);
    if (driver == "gelf") return check_gelf(options);
    if (driver == "fluentd") return check_fluentd(options);
    return bad("error looking up logging plugin " + driver + ": plugin \"" + driver + "\" not found");
}

}  // namespace berth::logs
