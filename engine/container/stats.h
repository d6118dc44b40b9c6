#pragma once

#include "engine/container/core.h"

namespace berth::container {

std::unique_ptr<ContainerStats> make_stats(Core& core);

}  // namespace berth::container
