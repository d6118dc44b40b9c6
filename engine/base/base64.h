#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth {

// RFC 4648 with padding, in one line; kUrl: with '-' and '_'.
enum class Base64 { kStandard, kUrl };
std::string to_base64(std::string_view bytes, Base64 alphabet = Base64::kStandard);
// The reverse, of either alphabet; padding may be missing. kInvalidArgument for anything else.
Result<std::string> from_base64(std::string_view text);

}  // namespace berth
