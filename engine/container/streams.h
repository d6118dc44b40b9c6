#pragma once

#include "engine/container/core.h"

namespace berth::container {

std::unique_ptr<ContainerStreams> make_streams(Core& core);

}  // namespace berth::container
