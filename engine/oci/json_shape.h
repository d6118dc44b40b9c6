#pragma once

#include <string_view>

#include "engine/base/result.h"

namespace berth::oci {

// Whether JSON from strangers may be read: a value can be one byte long and takes a hundred in memory. More
// of them than any image has, or deeper, is kInvalidArgument ("… too many values", "… nested too deeply").
// Says nothing of whether it is JSON.
Result<> check_json_shape(std::string_view text);

}  // namespace berth::oci
