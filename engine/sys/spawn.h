#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Starting programs, vfork-like: no page of the caller is copied, and the caller knows whether exec
// succeeded.
namespace berth::sys {

// Runs in the child after everything else is set up and before exec, in the caller's memory while its thread
// is held. Only async-signal-safe calls, no allocation. Returns 0, or the errno it failed with after having
// set *stage to a literal that says where.
struct SpawnHook {
    int (*run)(void* context, const char** stage) = nullptr;
    void* context = nullptr;
};

struct SpawnOptions {
    std::vector<std::string>
        argv;  // argv[0] is also the path of the program, unless `path` is; PATH is not searched
    std::string path;
    std::vector<std::string> env;  // all of the environment, "NAME=value"
    // What becomes descriptor 0, 1, 2, …; -1 is /dev/null. The child has no other descriptor.
    std::vector<int> fds{-1, -1, -1};
    std::string folder;        // working directory; empty: the caller's
    bool new_session = false;  // setsid
    // The child is not ours to reap: it is handed to the nearest subreaper (init) at once, so it outlives us.
    // ChildProcess::pidfd is empty then.
    bool orphan = false;
    SpawnHook hook;
};

struct ChildProcess {
    pid_t pid = -1;
    UniqueFd pidfd;
};

// Notes limits, niceness and oom_score_adj as they are now: what every child gets back, whatever the process
// does to its own later. Called once at the start of main(), before other threads.
void remember_process_defaults();

// Starts a program. The child has no blocked signal, default handlers, umask 022 and the remembered limits.
// An error is the one of the step that failed, exec included ("exec /sbin/x: no such file or directory"); no
// child is left then. From any thread.
Result<ChildProcess> spawn(const SpawnOptions& options);

}  // namespace berth::sys
