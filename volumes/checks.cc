#include "volumes/checks.h"

#include <algorithm>
#include <cctype>

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

// "64k", "1.5GiB", "0": as Docker's units.RAMInBytes. No file system of the engine's own has project quotas
// that it could set, so nothing but "no limit" can be had.
Result<> check_size(const std::string& text) {
    auto digits = text.find_first_not_of("0123456789.");
    std::string number = text.substr(0, digits), unit = digits == text.npos ? "" : text.substr(digits);
    std::string lower;
    for (char c : unit)
        if (c != ' ' || !lower.empty())
            lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    bool known = lower.empty() || lower == "b";
    for (const char* prefix : {"k", "m", "g", "t", "p"})
        for (const char* rest : {"", "b", "ib"}) known = known || lower == std::string(prefix) + rest;
    bool one_point = std::count(number.begin(), number.end(), '.') < 2;
    if (!known || !one_point || number.empty() || number == ".")
        return invalid("invalid size: '" + text + "'");
    if (number.find_first_not_of("0.") == number.npos) return {};
    return invalid("quota size requested but no quota support");
}

Result<> check_cifs(const std::map<std::string, std::string>& options) {
    auto type = options.find("type"), device = options.find("device");
    if (type == options.end() || device == options.end() || type->second != "cifs") return {};
    auto server = device->second.find("//");
    if (server == std::string::npos) return {};
    const std::string host =
        device->second.substr(server + 2, device->second.find('/', server + 2) - server - 2);
    // "[::1]:445" has its port behind the bracket.
    auto colon = host.find(':', host.find(']') == std::string::npos ? 0 : host.find(']'));
    if (colon == std::string::npos || colon + 1 == host.size()) return {};
    return invalid("port not allowed in CIFS device URL, include 'port' in 'o='");
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

Result<> check_options(const std::map<std::string, std::string>& options) {
    for (const auto& [name, value] : options) {
        if (name != "type" && name != "o" && name != "device" && name != "size") {
            return invalid("invalid option: \"" + name + "\"");
        }
    }
    BERTH_CHECK(check_cifs(options));
    if (auto size = options.find("size"); size != options.end()) BERTH_CHECK(check_size(size->second));
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
