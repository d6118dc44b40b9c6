#pragma once

#include "engine/container/core.h"

namespace berth::container {

// Starts the container and watches it from then on: exit, auto-remove, restart policy. The caller holds the
// lock. A container with AutoRemove that could not be started is removed, as Docker does it, by a task of its
// own.
Async<Result<>> start_and_watch(Core& core, ContainerPtr container);

// Watches a task that runs already (after a daemon start), or replays the exit of one that has ended.
void watch(Core& core, const std::string& id);

// Ends the pause before a restart, if there is one.
void cancel_restart(Core& core, const std::string& id);

}  // namespace berth::container
