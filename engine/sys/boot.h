#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::sys {

// What tells this start of the machine from all others. Never empty.
Result<std::string> boot_id();

}  // namespace berth::sys
