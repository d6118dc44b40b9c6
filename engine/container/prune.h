#pragma once

#include "engine/container/core.h"

namespace berth::container {

// Removes every container that does not run and passes the filters (label, label!, until).
Async<Result<Pruned>> run_prune(Core& core, Filters filters);

}  // namespace berth::container
