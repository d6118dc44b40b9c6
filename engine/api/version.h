#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/api/router.h"

namespace berth::api {

// A request's path without its version prefix ("/v1.45/info" -> "/info", "1.45"). No prefix means the latest
// version.
struct VersionedPath {
    std::string_view path;
    std::string version;  // as sent, or ""
};
VersionedPath split_version(std::string_view path);

// kInvalidArgument in Docker's words when the engine does not speak that version.
Result<ApiVersion> negotiate(const std::string& version);
// Clients from before 1.24 print an error as it comes: theirs is plain text.
bool wants_plain_errors(const std::string& version);

}  // namespace berth::api
