#pragma once

#include <chrono>

#include "engine/container/core.h"

namespace berth::container {

// Sends a signal to a live container and says so in an event. One that means "end" tells the restart policy
// to rest.
Async<Result<>> send_signal(Core& core, std::string id, int signal);

// Whether the container's exit was recorded in time. A limit below 0 waits for ever. Takes no lock.
Async<bool> wait_for_exit(Core& core, std::string id, std::chrono::nanoseconds limit);

// The stop signal, and SIGKILL when the time is up. kUnchanged when the container does not run. kCancelled
// when the client goes away in between; the container then just has its signal.
Async<Result<Outcome>> run_stop(Core& core, std::string id, StopOptions options);

}  // namespace berth::container
