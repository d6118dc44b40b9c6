#pragma once

#include <sys/types.h>

#include <string>

#include "engine/base/result.h"
#include "engine/executor/container_state.h"
#include "engine/executor/seccomp_filter.h"

namespace berth::executor {

// Takes the listener out of the process `pid`, where it has the number `listener`, and hands it to the agent
// that waits at the filter's listenerPath, with the specification's container process state.
Result<> hand_to_agent(const Filter& filter, const ContainerState& state, const char* status, pid_t pid,
                       const std::string& listener);

}  // namespace berth::executor
