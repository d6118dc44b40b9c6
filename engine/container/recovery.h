#pragma once

#include <string>
#include <vector>

#include "engine/container/core.h"

namespace berth::container {

// See ContainerServices::recover(). `remains`: IDs of folders without a container, from Store::load().
Async<Result<>> run_recovery(Core& core, std::vector<std::string> remains);

}  // namespace berth::container
