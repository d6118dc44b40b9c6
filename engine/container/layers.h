#pragma once

#include "engine/confine/file_task.h"
#include "engine/container/core.h"

namespace berth::container {

// The folders that a container's root is made of. Blocking.
Result<confine::FileTask::Layers> layers_of(const Core& core, const Container& container);

}  // namespace berth::container
