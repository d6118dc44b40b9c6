#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth::http {

// %XX undone; kInvalidArgument for a broken escape, worded as Go does: invalid URL escape "%zz".
Result<std::string> decode_path(std::string_view text);
// The same for a piece of a query: `+` is a space, and a broken escape stands for itself.
std::string decode_form(std::string_view text);
// Escapes all but letters, digits and "-_.~" (for a query's names and values).
std::string encode_form(std::string_view text);

}  // namespace berth::http
