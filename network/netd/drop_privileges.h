#pragma once

#include "engine/base/result.h"

namespace berth::netd {

// Nobody's user and groups, no capability, no way back, and only the system calls that this process makes.
Result<> drop_privileges();

}  // namespace berth::netd
