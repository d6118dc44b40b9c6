#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::daemon {

// Makes a system user and group of this name with the distribution's own programs, and gives it ranges of
// subordinate ids where those have not. Waits for them.
Result<> make_remap_user(const std::string& name);

}  // namespace berth::daemon
