#pragma once

#include <sys/types.h>

#include <chrono>

namespace berth::sys {

// How long a signal that would be lost is held back, counted from the start of the program: one that was
// started this moment has not set up its handlers yet.
inline constexpr std::chrono::milliseconds kHandlersDue{250};

// Whether the kernel would drop the signal: the process is the first of a PID namespace and has no handler
// for it. False when it is blocked or ignored on purpose, when it does nothing by default (SIGCHLD,
// SIGWINCH), and when the process is gone.
bool would_be_lost(pid_t pid, int signal);

}  // namespace berth::sys
