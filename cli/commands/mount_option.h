#pragma once

#include <string>

#include "cli/json.h"
#include "engine/base/result.h"

namespace berth::cli {

// "-v SOURCE:TARGET[:OPTIONS]" with a relative source made absolute, as the docker CLI does.
Result<std::string> bind_option(const std::string& text);
// "--mount type=bind,source=/a,target=/b,readonly" as the API's Mount object. Errors are docker's.
Result<Json> mount_option(const std::string& text);

}  // namespace berth::cli
