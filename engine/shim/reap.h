#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/shim/protocol/task_file.h"

namespace berth::shim {

// Clears away a container whose shim is dead: kills it by its cgroups, `runtime delete --force`, and leaves
// an exit record (137 and `reason`) unless the dead shim wrote one. Our folder is the bundle.
Result<> reap(const TaskFile& task, const std::string& reason);

}  // namespace berth::shim
