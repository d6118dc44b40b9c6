#include "volumes/checks.h"

#include <algorithm>

#include "engine/base/size.h"

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

Result<> check_size(const std::string& text, bool has_quota) {
    BERTH_TRY(const std::int64_t size, parse_size(text, SizeUnits::kBinary));
    if (size > 0 && !has_quota) return invalid("quota size requested but no quota support");
    return {};
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
    return {};
}

Result<> check_options(const std::map<std::string, std::string>& options, bool has_quota) {
    for (const auto& [name, value] : options) {
        if (name != "type" && name != "o" && name != "device" && name != "size") {
            return invalid("invalid option: \"" + name + "\"");
        }
    }
    BERTH_CHECK(check_cifs(options));
    if (auto size = options.find("size"); size != options.end())
        BERTH_CHECK(check_size(size->second, has_quota));
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
