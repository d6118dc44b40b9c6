#pragma once

#include <vector>

#include "engine/container/core.h"

namespace berth::container {

// The containers that GET /containers/json shows, newest first. Docker's texts for filters it cannot read.
Result<std::vector<ContainerPtr>> select_containers(Core& core, const ListOptions& options);

}  // namespace berth::container
