#pragma once

#include "engine/container/core.h"

namespace berth::container {

// From a request to a container on disk: checks, image, name, snapshot, volumes, record. After an error
// nothing is left; after a crash recover() takes away what has no record.
Async<Result<Created>> run_create(Core& core, CreateRequest request);

}  // namespace berth::container
