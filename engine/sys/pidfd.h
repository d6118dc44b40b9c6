#pragma once

#include <poll.h>
#include <sys/types.h>

#include <span>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Processes held by descriptor: a pid that is used again never reaches the wrong process. Where pidfd_open(2)
// may not be called the descriptor is the process's folder in /proc, which all functions here take as well.
namespace berth::sys {

// kNotFound when there is no such process.
Result<UniqueFd> open_pidfd(pid_t pid);

// kConflict "process already finished" once the process has ended, reaped or not.
Result<> send_signal(int pidfd, int signal);

// Waits as poll(2) for `others`, or for the process to end. True when it has.
Result<bool> poll_for_end(int pidfd, std::span<pollfd> others = {}, int milliseconds = -1);

// setns(2) into namespaces of the process, CLONE_NEW*. False with errno.
bool join_namespaces(int pidfd, int spaces);

// How a child ended.
struct ChildStatus {
    int exit_code = 0;  // as a shell says it: 128+n for signal n
};
// Reaps the calling process's child; blocks until it has ended. Takes a true pidfd, as spawn() gives it.
Result<ChildStatus> wait_child(int pidfd);

}  // namespace berth::sys
