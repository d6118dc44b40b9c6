#include "engine/base/time.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace berth {

namespace {

constexpr std::int64_t kNanos = 1'000'000'000;

Failure bad(std::string_view what, std::string_view text) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("invalid {} \"{}\"", what, text));
}

bool take_number(std::string_view& text, std::size_t digits, int& value) {
    if (text.size() < digits) return false;
    auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc() || end != text.data() + digits) return false;
    text.remove_prefix(digits);
    return true;
}

bool take_char(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

// Digits after a decimal point, as nanoseconds; digits past the ninth are dropped.
bool take_fraction(std::string_view& text, std::int64_t& nanos) {
    std::int64_t scale = kNanos / 10;
    std::size_t count = 0;
    nanos = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        nanos += (text.front() - '0') * scale;
        scale /= 10;
        ++count;
        text.remove_prefix(1);
    }
    return count > 0;
}

std::string seconds_text(Timestamp time, std::int64_t& nanos) {
    using namespace std::chrono;
    auto whole = floor<seconds>(time);
    nanos = (time - whole).count();
    auto day = floor<days>(whole);
    year_month_day date(day);
    hh_mm_ss clock(whole - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace

Timestamp now() {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

std::string format_rfc3339_nano(Timestamp time) {
    if (time == kNever) return "0001-01-01T00:00:00Z";
    std::int64_t nanos = 0;
    std::string text = seconds_text(time, nanos);
    if (nanos != 0) {
        text += fmt::format(".{:09}", nanos);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text + 'Z';
}

std::string format_rfc3339_fixed(Timestamp time) {
    std::int64_t nanos = 0;
    std::string text = seconds_text(time, nanos);
    return text + fmt::format(".{:09}Z", nanos);
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    std::string_view rest = text;
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    bool shape = take_number(rest, 4, y) && take_char(rest, '-') && take_number(rest, 2, mo) &&
                 take_char(rest, '-') && take_number(rest, 2, d) && take_char(rest, 'T') &&
                 take_number(rest, 2, h) && take_char(rest, ':') && take_number(rest, 2, mi) &&
                 take_char(rest, ':') && take_number(rest, 2, s);
    year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
    if (!shape || !date.ok() || h > 23 || mi > 59 || s > 60) return bad("time", text);
    std::int64_t nanos = 0;
    if (take_char(rest, '.') && !take_fraction(rest, nanos)) return bad("time", text);
    int offset = 0;
    if (!take_char(rest, 'Z') && !take_char(rest, 'z')) {
        int sign = take_char(rest, '-') ? -1 : take_char(rest, '+') ? 1 : 0;
        int oh = 0, om = 0;
        if (sign == 0 || !take_number(rest, 2, oh) || !take_char(rest, ':') || !take_number(rest, 2, om)) {
            return bad("time", text);
        }
        offset = sign * (oh * 3600 + om * 60);
    }
    if (!rest.empty()) return bad("time", text);
    if (y < 1678 || y > 2261) return kNever;  // what 64 bits of nanoseconds cannot hold
    auto whole = sys_days(date) + hours(h) + minutes(mi) + seconds(s) - seconds(offset);
    return Timestamp(whole) + nanoseconds(nanos);
}

Result<Timestamp> parse_unix_time(std::string_view text) {
    std::string_view rest = text;
    bool negative = take_char(rest, '-');
    std::int64_t seconds = 0, nanos = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
    if (error != std::errc()) return bad("timestamp", text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (take_char(rest, '.') && !take_fraction(rest, nanos)) return bad("timestamp", text);
    if (!rest.empty()) return bad("timestamp", text);
    // Later than can be said is as late as can be said.
    const std::int64_t total = seconds > INT64_MAX / kNanos - 1 ? INT64_MAX : seconds * kNanos + nanos;
    return Timestamp(std::chrono::nanoseconds(negative ? -total : total));
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t nanos;
    };
    // Longer names first: "ms" before "m".
    static constexpr Unit kUnits[] = {{"ns", 1},          {"us", 1000},        {"\u00b5s", 1000},
                                      {"\u03bcs", 1000},  {"ms", 1'000'000},   {"s", kNanos},
                                      {"m", 60 * kNanos}, {"h", 3600 * kNanos}};
    std::string_view rest = text;
    bool negative = take_char(rest, '-');
    if (!negative) take_char(rest, '+');
    if (rest == "0") return std::chrono::nanoseconds(0);
    if (rest.empty()) return bad("duration", text);
    std::int64_t total = 0;
    while (!rest.empty()) {
        std::int64_t whole = 0, fraction = 0;
        auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
        bool digits = error == std::errc() && rest.front() != '-';
        if (digits) rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        bool point = take_char(rest, '.');
        if (point && take_fraction(rest, fraction)) digits = true;
        const Unit* unit = nullptr;
        for (const Unit& candidate : kUnits) {
            if (rest.starts_with(candidate.name)) {
                unit = &candidate;
                break;
            }
        }
        if (!digits || unit == nullptr) return bad("duration", text);
        rest.remove_prefix(unit->name.size());
        std::int64_t part = 0;
        if (__builtin_mul_overflow(whole, unit->nanos, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return bad("duration", text);
        }
        total += static_cast<std::int64_t>(static_cast<double>(fraction) / kNanos *
                                           static_cast<double>(unit->nanos));
    }
    return std::chrono::nanoseconds(negative ? -total : total);
}

}  // namespace berth
