#include "cli/output/units.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

namespace berth::cli {

std::string human_duration(std::chrono::seconds age) {
    long seconds = age.count();
    long minutes = seconds / 60;
    auto hours = static_cast<long>(std::lround(static_cast<double>(seconds) / 3600));
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return fmt::format("{} seconds", seconds);
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return fmt::format("{} minutes", minutes);
    if (hours == 1) return "About an hour";
    if (hours < 48) return fmt::format("{} hours", hours);
    if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
    if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
    if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
    return fmt::format("{} years", hours / 24 / 365);
}

std::string human_size(double bytes) {
    static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
        bytes /= 1000;
        ++unit;
    }
    return fmt::format("{:.3g}{}", bytes, kUnits[unit]);
}

std::string binary_size(double bytes) {
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.4g}{}", bytes, kUnits[unit]);
}

Result<std::int64_t> parse_bytes(std::string_view text) {
    std::string number(text);
    char* end = nullptr;
    double value = std::strtod(number.c_str(), &end);
    std::string_view unit = end;
    auto bad = [&] { return fail(ErrorKind::kInvalidArgument, fmt::format("invalid size: '{}'", text)); };
    if (end == number.c_str() || value < 0) return bad();
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    std::int64_t factor = 1;
    if (!unit.empty() && (unit.front() | 0x20) != 'b') {
        static constexpr std::string_view kLetters = "kmgtp";
        auto at = kLetters.find(static_cast<char>(unit.front() | 0x20));
        if (at == std::string_view::npos) return bad();
        factor = std::int64_t{1} << (10 * (at + 1));
        unit.remove_prefix(1);
        if (!unit.empty() && (unit.front() | 0x20) == 'i') unit.remove_prefix(1);
    }
    if (!unit.empty() && (unit.front() | 0x20) == 'b') unit.remove_prefix(1);
    if (!unit.empty() || value * static_cast<double>(factor) > 9e18) return bad();
    return static_cast<std::int64_t>(value * static_cast<double>(factor));
}

}  // namespace berth::cli
