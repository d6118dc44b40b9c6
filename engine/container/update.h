#pragma once

#include "engine/container/core.h"

namespace berth::container {

// New limits and a new restart policy for a container that is there already; those of a running one count at
// once. Returns warnings.
Async<Result<std::vector<std::string>>> run_update(Core& core, std::string ref, types::HostConfig changes);

}  // namespace berth::container
