#pragma once

#include "engine/container/core.h"

namespace berth::container {

// Makes an image of a container: its changes as one more layer. One that runs stands still meanwhile, unless
// it is not to.
Async<Result<std::string>> run_commit(Core& core, std::string ref, CommitOptions options);

// What a commit that was cut short has left frozen goes on: after a daemon start, those of the one before;
// at its end, those of this one.
Async<void> release_held_before(Core& core);
Async<void> release_held(Core& core);

}  // namespace berth::container
