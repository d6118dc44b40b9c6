#pragma once

#include "engine/base/result.h"

namespace berth::confine {

// From now on only the calls that reading, writing and labelling files takes; any other fails with EPERM.
Result<> filter_syscalls();

}  // namespace berth::confine
