#pragma once

#include <string>
#include <vector>

namespace berth::shim {

// The container's cgroups, as absolute folders: one per v1 hierarchy, or the one of v2. Whatever is missing
// counts as empty: the runtime may have removed it.

// Whether the kernel killed any process in them for want of memory.
bool oom_killed(const std::vector<std::string>& folders);
// SIGKILL to every process in them, again and again until none is new.
void kill_all(const std::vector<std::string>& folders);

}  // namespace berth::shim
