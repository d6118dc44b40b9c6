#pragma once

#include "engine/container/core.h"

namespace berth::container {

std::unique_ptr<ContainerFiles> make_files(Core& core);

}  // namespace berth::container
