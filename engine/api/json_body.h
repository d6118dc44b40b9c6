#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

namespace berth::api {

// JSON from a client. What is wrong with it is said in the words of Go's decoder, which clients print and
// tests match: "invalid JSON: invalid character '}' looking for beginning of value".
Result<nlohmann::json> parse_json(std::string_view text);

// kInvalidArgument unless a Content-Type header says application/json.
Result<> check_content_type(std::string_view header);

}  // namespace berth::api
