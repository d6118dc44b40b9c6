#pragma once

#include "engine/container/core.h"

namespace berth::container {

// The container of that name, if its log, or the cache of its log, can be read; Docker's error if not.
Result<ContainerPtr> readable_log(Core& core, const std::string& ref);

// Copies a container's log to `sink`: Docker's frames, or bare text for a terminal. Following, until the
// container has stopped and everything is out.
Async<Result<>> run_logs(Core& core, std::string id, LogRequest request, LogSink& sink);

}  // namespace berth::container
