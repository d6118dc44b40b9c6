#pragma once

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::sys {

// A copy of an open program in memory, which nobody can change any more: not even a container that gets hold
// of it while it runs. To be run as /proc/self/fd/N, or by execveat(2).
Result<UniqueFd> sealed_copy(int program);
bool is_sealed(int file);

}  // namespace berth::sys
