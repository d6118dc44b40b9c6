#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/image/image_service.h"

namespace berth::image {

// The "config" object of an image config. Fields of a wrong type are kInvalidArgument: the image is damaged.
Result<RunConfig> parse_run_config(const std::string& json);

// Applies Dockerfile instructions ("CMD [\"sh\"]", "ENV A=b", …) to a "config" object, as import --change
// does. kInvalidArgument: "X is not a valid change command" and the like.
Result<> apply_changes(const std::vector<std::string>& changes, nlohmann::ordered_json& config);

}  // namespace berth::image
