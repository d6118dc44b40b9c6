#pragma once

#include "engine/container/core.h"

namespace berth::container {

std::unique_ptr<ContainerExecs> make_execs(Core& core);

}  // namespace berth::container
