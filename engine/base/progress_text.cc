#include "engine/base/progress_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace berth {

namespace {

constexpr std::uint64_t kWidth = 50;

// Decimal units with four significant digits.
std::string size(std::uint64_t bytes) {
    constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
    return fmt::format("{:.4g}{}", value, kUnits[unit]);
}

}  // namespace

std::string progress_text(std::uint64_t current, std::uint64_t total, std::string_view units) {
    if (current == 0 && total == 0) return {};
    if (total == 0) {
        return units.empty() ? fmt::format("{:>8}", size(current)) : fmt::format("{} {}", current, units);
    }
    const double part = static_cast<double>(current) / static_cast<double>(total);
    const auto filled = std::min(kWidth, static_cast<std::uint64_t>(part * 100) / 2);
    const std::string bar = std::string(filled, '=') + ">" + std::string(kWidth - filled, ' ');
    const std::string whole = current > total ? "" : "/" + size(total);
    return fmt::format("[{}] {:>8}{}", bar, size(current), whole);
}

}  // namespace berth
