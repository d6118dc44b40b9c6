#pragma once

#include "engine/container/core.h"

namespace berth::container {

// Takes away a container that does not run, and all that is its own. The caller holds the lock. With
// `volumes` its anonymous volumes too.
Async<Result<>> remove_stopped(Core& core, std::string id, bool volumes);

// What carries this ID and has no record: a create or an rm that a crash cut in two. Blocking.
void remove_remains(Core& core, const std::string& id);

}  // namespace berth::container
