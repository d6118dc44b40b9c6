#pragma once

#include <chrono>
#include <string>

#include "engine/container/model.h"
#include "engine/supervisor/task_service.h"

// Which transition is legal, and what the state is after it. Pure.
namespace berth::container {

enum class StartDecision { kStart, kAlreadyRunning };
Result<StartDecision> decide_start(const Container& container);

State after_start(State state, pid_t pid, Timestamp started_at);
// Of a start that failed: the exit code by the runtime's words (127 not found, 126 not executable, else 128).
State after_failed_start(State state, const Error& error);
// The same error as the API answers it: 400 for a command that cannot run.
Error start_error(Error error);
State after_exit(State state, const supervisor::TaskExit& exit);

// Whether the restart policy wants another run after this exit.
bool wants_restart(const Container& container, int exit_code);
// Docker's back-off: 100 ms, doubled up to a minute; from the start after a run of ten seconds.
std::chrono::milliseconds restart_delay(std::chrono::milliseconds previous, std::chrono::nanoseconds ran);
// After a daemon start.
bool wants_start_at_boot(const Container& container);

}  // namespace berth::container
