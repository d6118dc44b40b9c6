#pragma once

#include <span>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::confine {

// A folder to look at from inside: a mount of its own that is attached nowhere, so that ".." ends at the
// folder. Before enter_enclosure().
Result<UniqueFd> clone_folder(const std::string& path);

// Shuts the calling process in, for good: new mount, network, IPC and UTS namespaces with `target_fd`'s
// folder as the only file system, the capabilities to own, label and make files and nothing else,
// no_new_privs, no core, bounded memory, Landlock, and a seccomp filter that lets through what reading,
// writing and labelling files takes. `target_fd` stays usable and refers to "/" afterwards; of all other
// folders only those of `readable` can be looked into.
Result<> enter_enclosure(int target_fd, std::span<const int> readable);

}  // namespace berth::confine
