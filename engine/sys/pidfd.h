#pragma once

#include <sys/types.h>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Processes held by descriptor: a pid that is used again never reaches the wrong process.
namespace berth::sys {

// kNotFound when there is no such process.
Result<UniqueFd> open_pidfd(pid_t pid);

// kConflict "process already finished" once the process has ended, reaped or not.
Result<> send_signal(int pidfd, int signal);

// How a child ended.
struct ChildStatus {
    int exit_code = 0;  // as a shell says it: 128+n for signal n
};
// Reaps the calling process's child; blocks until it has ended.
Result<ChildStatus> wait_child(int pidfd);

}  // namespace berth::sys
