#pragma once

#include "engine/container/core.h"

namespace berth::container {

Async<Result<>> run_pause(Core& core, ContainerPtr container);
Async<Result<>> run_unpause(Core& core, ContainerPtr container);

}  // namespace berth::container
