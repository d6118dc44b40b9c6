#pragma once

#include <sys/types.h>

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::sys {

// A clone, attached nowhere, of what another process sees mounted at `path`, a mount point in its namespace.
// The path is walked in that process's root: nothing in it leads out of there.
Result<UniqueFd> clone_foreign_mount(pid_t pid, const std::string& path);

}  // namespace berth::sys
