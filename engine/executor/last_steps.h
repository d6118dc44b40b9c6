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

// Closes all but the standard streams, the `preserved` ones behind them, and `kept`.
void close_descriptors(int preserved, std::vector<int> kept);

// What may be set while the process still has its rights: cwd, limits, scheduling and the like. A folder that
// is missing is made if `make` (Docker's callers expect that of a container's first process); one that only
// the user may enter is left for step_down().
struct Folder {
    bool make = false;
    bool entered = false;
};
Result<> enter_folder(const std::string& cwd, Folder& folder);

// no_new_privs, seccomp, bounding set, user, capabilities, folder: from here on the process is less than it
// was, step by step; at the end it is the user's, and the program is found by his rights. What is only worth
// a warning goes to the other side of `sync_fd`, a seccomp listener too. Returns the program's path.
Result<std::string> step_down(const oci::Process& process, const std::optional<Filter>& filter,
                              Folder& folder, int sync_fd);

// For execve: as long as `words` lives.
std::vector<char*> pointers(const std::vector<std::string>& words);

// Tells the other side why, and ends.
[[noreturn]] void give_up(int sync_fd, const Error& error);

}  // namespace berth::executor
