#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth {

// RFC 4648 with padding, in one line.
std::string to_base64(std::string_view bytes);
// The reverse, of the URL-safe alphabet as well; padding may be missing. kInvalidArgument for anything else.
Result<std::string> from_base64(std::string_view text);

}  // namespace berth
