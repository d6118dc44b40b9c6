#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::sys {

// The shared word for a mount: snapshots and volumes emit it, the spec builder consumes it. Fields and option
// words are the OCI runtime spec's ("rbind", "ro", "nosuid", "lowerdir=…").
struct Mount {
    std::string type;  // "overlay", "bind", "tmpfs", …
    std::string source;
    std::string target;  // absolute inside the container; empty for a root
    std::vector<std::string> options;
    bool operator==(const Mount&) const = default;
};

// Mounts `mount` (a root: overlay or bind) without attaching it anywhere: fsopen/fsconfig/fsmount, or
// open_tree(OPEN_TREE_CLONE) for a bind. The mount lives as long as the descriptor, or as what it is moved
// to. Any number of layers: on kernels whose fsconfig cannot append lowerdirs (before 6.5) a child in a mount
// namespace of its own mounts it by short links and hands the clone back.
Result<UniqueFd> mount_detached(const Mount& mount);

// A detached copy of the mount that `fd` (O_PATH will do) lies on, seen from `fd`: a file or folder, with all
// that is mounted below it. Of a mount in the caller's namespace.
Result<UniqueFd> clone_mount(int fd);

// Attaches a detached mount at `target` (a folder of ours, in the current mount namespace).
Result<> move_mount(int mount_fd, const std::string& target);

}  // namespace berth::sys
