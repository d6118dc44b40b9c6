#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::container {

// "Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed". Returns the name without its
// slash.
Result<std::string> check_name(const std::string& name);

// Two words, as in "steady_heron"; with `attempt` > 0 a digit behind them.
std::string random_name(int attempt);

}  // namespace berth::container
