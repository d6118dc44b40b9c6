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

// Its steps, for who arranges what lies below "/" in between.
// New mount, network, IPC and UTS namespaces; what is mounted in the new one stays there.
Result<> leave_namespaces();
// Makes a mount of this namespace its root, and takes the old root away.
Result<> pivot_to(int mount_fd);
// Makes `fd` refer to "/".
Result<> reopen_root(int fd);
// All but the namespaces and the root, which `root_fd` is.
Result<> lock_down(int root_fd, std::span<const int> readable);

}  // namespace berth::confine
