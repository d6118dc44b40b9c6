#include "volumes/checks.h"

#include <algorithm>

namespace berth::volumes {

namespace {

bool letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool name_character(char c) {
    return letter_or_digit(c) || c == '_' || c == '.' || c == '-';
}

Failure invalid(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

}  // namespace

Result<> check_name(const std::string& name) {
    if (name.size() == 1) {
        return invalid("volume name is too short, names should be at least two alphanumeric characters");
    }
    if (name.empty() || !letter_or_digit(name[0]) || !std::all_of(name.begin(), name.end(), name_character)) {
        return invalid(
            "\"" + name +
            "\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
            "allowed. If you intended to pass a host directory, use absolute path");
    }
    if (name.size() > 255) return invalid("error while creating volume root path: file name too long");
    return {};
}

Result<> check_driver(const std::string& driver) {
    if (driver.empty() || driver == "local") return {};
    return fail(ErrorKind::kNotFound,
                "error looking up volume plugin " + driver + ": plugin \"" + driver + "\" not found");
}

Result<> check_options(const std::map<std::string, std::string>& options) {
    for (const auto& [name, value] : options) {
        if (name != "type" && name != "o" && name != "device" && name != "size") {
            return invalid("invalid option: \"" + name + "\"");
        }
    }
    if (options.contains("size")) return invalid("quota size requested but no quota support");
    auto needs = [&](const char* option, const char* other) -> Result<> {
        if (!options.contains(option) || options.contains(other)) return {};
        return invalid(std::string("missing required option: \"") + other + "\"");
    };
    BERTH_CHECK(needs("type", "device"));
    BERTH_CHECK(needs("o", "device"));
    BERTH_CHECK(needs("device", "type"));
    return {};
}

}  // namespace berth::volumes
