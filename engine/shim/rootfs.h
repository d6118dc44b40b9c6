#pragma once

#include <string>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/sys/spawn.h"

namespace berth::shim {

// Puts the container's root, and what else is handed over, where the runtime looks for it, in a mount
// namespace that only the runtime's `create` and its children share. Nothing of it shows in the host's
// namespace, and nobody has to unmount it.
struct RootPlan {
    struct Place {
        UniqueFd mount;    // detached
        std::string path;  // in the bundle
    };
    int root_fd = -1;         // a detached mount
    std::vector<Place> more;  // volumes' subpaths, images
    std::string mount_point;  // of the file system the bundle lies on
};
// The mount that the current folder lies on.
Result<std::string> mount_point_here();
// A hook for spawn(); `plan` outlives the call.
sys::SpawnHook attach_root(RootPlan& plan);

}  // namespace berth::shim
