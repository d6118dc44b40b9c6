#pragma once

#include "engine/container/core.h"

namespace berth::container {

// Makes an image of a container: its changes as one more layer. One that runs stands still meanwhile, unless
// it is not to.
Async<Result<std::string>> run_commit(Core& core, std::string ref, CommitOptions options);

}  // namespace berth::container
