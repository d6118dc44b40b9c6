#pragma once

#include "engine/container/core.h"

namespace berth::container {

std::unique_ptr<ContainerLifecycle> make_lifecycle(Core& core);

}  // namespace berth::container
