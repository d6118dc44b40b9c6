#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/api/router.h"

namespace berth::api {

// The answer of /info as clients of an older version know it.
void apply_info_version(nlohmann::json& info, ApiVersion version);

}  // namespace berth::api
