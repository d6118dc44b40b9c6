#pragma once

#include "engine/container/core.h"

namespace berth::container {

// Everything from a stopped container to a running one:
//   root mount, user, volumes  |  network, /etc/hosts …      side by side on the pool
//   spec -> task create -> attached clients connected -> task start -> state on disk -> event
// Each step has its undo; after an error the container is as it was, with the exit code and the text in its
// state. The caller holds the container's lock, and starts the monitor.
Async<Result<>> run_start(Core& core, ContainerPtr container);

}  // namespace berth::container
