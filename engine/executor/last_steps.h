#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/executor/seccomp_filter.h"
#include "engine/oci/runtime_spec.h"

// What init and exec do alike, inside the container, before a process of the runtime's becomes the user's
// program.
namespace berth::executor {

// Makes `cwd` the current folder; one that is missing is made if `make` (Docker's callers expect that of a
// container's first process). Refuses a folder that lies outside of the root.
Result<> enter_folder(const std::string& cwd, bool make);

// Everything above the three streams and `preserve_fds` more closes at exec: nothing of the engine's may
// reach the program.
void keep_descriptors(int preserve_fds);

// no_new_privs, seccomp, bounding set, user, capabilities: from here on the process is less than it was, step
// by step. What is only worth a warning goes to the other side of `sync_fd`.
Result<> step_down(const oci::Process& process, const std::optional<Filter>& filter, int sync_fd);

// For execve: as long as `words` lives.
std::vector<char*> pointers(const std::vector<std::string>& words);

// Tells the other side why, and ends.
[[noreturn]] void give_up(int sync_fd, const Error& error);

}  // namespace berth::executor
