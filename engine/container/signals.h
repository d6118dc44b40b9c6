#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::container {

// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". kInvalidArgument: "invalid signal: X", "the linux daemon
// does not support signal 99".
Result<int> parse_signal(const std::string& text);

}  // namespace berth::container
