#pragma once

#include "engine/container/core.h"

namespace berth::container {

std::unique_ptr<ContainerInspector> make_inspector(Core& core, const ContainerExecs& execs);

}  // namespace berth::container
