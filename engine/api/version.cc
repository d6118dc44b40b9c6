#include "engine/api/version.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/api/common_headers.h"
#include "engine/api/compat.h"

namespace berth::api {

namespace {

// The first two numbers of "1.45"; a missing one is 0 and a huge one stays huge.
ApiVersion parse(std::string_view text) {
    int parts[2] = {0, 0};
    int part = 0;
    for (char c : text) {
        if (c == '.') {
            if (++part == 2) break;
        } else {
            parts[part] = std::min(parts[part] * 10 + (c - '0'), 1'000'000);
        }
    }
    return {parts[0], parts[1]};
}

}  // namespace

std::string version_text(ApiVersion version) {
    return fmt::format("{}.{}", version.major, version.minor);
}

std::string server_name() {
    return fmt::format("Docker/{} (linux)", kCompatVersion);
}

VersionedPath split_version(std::string_view path) {
    constexpr std::string_view kPrefix = "/v";
    if (!path.starts_with(kPrefix)) return {path, ""};
    auto slash = path.find('/', kPrefix.size());
    if (slash == std::string_view::npos) return {path, ""};
    auto version = path.substr(kPrefix.size(), slash - kPrefix.size());
    const bool numeric = !version.empty() && std::all_of(version.begin(), version.end(), [](char c) {
        return (c >= '0' && c <= '9') || c == '.';
    });
    if (!numeric) return {path, ""};
    return {path.substr(slash), std::string(version)};
}

Result<ApiVersion> negotiate(const std::string& version) {
    if (version.empty()) return kLatest;
    const ApiVersion asked = parse(version);
    if (asked < kOldest) {
        return fail(
            ErrorKind::kInvalidArgument,
            fmt::format(
                "client version {} is too old. Minimum supported API version is {}, please upgrade your "
                "client to a newer version",
                version, version_text(kOldest)));
    }
    if (asked > kLatest) {
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("client version {} is too new. Maximum supported API version is {}", version,
                                version_text(kLatest)));
    }
    return asked;
}

bool wants_plain_errors(const std::string& version) {
    return !version.empty() && parse(version) < kOldest;
}

}  // namespace berth::api
