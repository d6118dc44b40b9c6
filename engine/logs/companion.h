#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::logs {

// The path of a program that lies beside the running one.
Result<std::string> companion(const std::string& name);

}  // namespace berth::logs
