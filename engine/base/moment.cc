#include "engine/base/moment.h"

#include <ctime>
#include <string_view>

namespace berth {

namespace {

// A time without a zone, which is this host's, and perhaps without its end.
Result<Timestamp> local_time(std::string text) {
    constexpr std::string_view kWhole = "0000-00-00T00:00:00";
    const bool cut = text.size() == 10 || text.size() == 13 || text.size() == 16;
    if (cut) text += kWhole.substr(text.size());
    BERTH_TRY(const Timestamp time, parse_rfc3339(text + "Z"));
    const std::time_t seconds = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return time - std::chrono::seconds(local.tm_gmtoff);
}

}  // namespace

Result<Timestamp> parse_moment(const std::string& text) {
    if (auto span = parse_duration(text)) return now() - *span;
    if (auto time = parse_rfc3339(text)) return time;
    if (auto time = local_time(text)) return time;
    // What begins with a minus is a date gone wrong, not a time before 1970.
    if (auto time = parse_unix_time(text); time && !text.starts_with('-')) return time;
    return fail(ErrorKind::kInvalidArgument, "failed to parse value as time or duration: \"" + text + "\"");
}

}  // namespace berth
