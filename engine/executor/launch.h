#pragma once

#include "engine/base/result.h"
#include "engine/executor/container_state.h"
#include "engine/executor/options.h"

namespace berth::executor {

// Creates a container from a bundle: its process is set up and waits for `start`. After an error nothing is
// left.
Result<ContainerState> launch(const Options& options, const std::string& id);

}  // namespace berth::executor
