#pragma once

#include <string>

#include "engine/api/router.h"

namespace berth::api {

// "1.51"
std::string version_text(ApiVersion version);
// "Docker/28.5.2 (linux)"
std::string server_name();
// What every answer of a route carries; without a Content-Type if that is "".
http::Headers common_headers(std::string content_type);

}  // namespace berth::api
