#include "engine/base/size.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace berth {

namespace {

Failure wrong(const char* what, const std::string& text) {
    return fail(ErrorKind::kInvalidArgument, std::string("invalid ") + what + ": '" + text + "'");
}

}  // namespace

Result<std::int64_t> parse_size(const std::string& text, SizeUnits units) {
    constexpr double kMost = 9e18;
    auto last = text.find_last_of("0123456789. ");
    if (last == std::string::npos) return wrong("size", text);
    const std::string number = text.substr(0, text[last] == ' ' ? last : last + 1);
    std::string suffix = text.substr(last + 1);
    double value = 0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || !(value >= 0))
        return wrong("size", text);
    for (char& c : suffix) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (!suffix.empty() && suffix != "b") {
        constexpr std::string_view kUnits = "kmgtp";
        auto power = kUnits.find(suffix[0]);
        const std::string rest = suffix.substr(1);
        if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib"))
            return wrong("suffix", suffix);
        for (std::size_t i = 0; i <= power; ++i) value *= static_cast<int>(units);
    }
    if (value > kMost) return wrong("size", text);
    return static_cast<std::int64_t>(value);
}

std::string size_text(std::int64_t bytes) {
    constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
    return fmt::format("{:.4g}{}", value, kUnits[unit]);
}

}  // namespace berth
