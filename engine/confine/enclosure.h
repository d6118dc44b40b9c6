#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::confine {

// A folder to look at from inside: a mount of its own that is attached nowhere, so that ".." ends at the folder. Before
// enter_enclosure().
Result<UniqueFd> clone_folder(const std::string& path);

// Shuts the calling process in, for good: new mount, network, IPC and UTS namespaces with `target_fd`'s folder as the
// only file system, the capabilities to own, label and make files and nothing else, no_new_privs, no core, bounded
// memory, and a seccomp filter that refuses whatever starts programs, opens sockets, changes mounts, namespaces or
// kernel state. `target_fd` stays usable and refers to "/" afterwards.
Result<> enter_enclosure(int target_fd);

}  // namespace berth::confine
