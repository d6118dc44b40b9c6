#pragma once

#include <string>
#include <vector>

#include "engine/container/store.h"

namespace berth::container {

// Other containers that a create request names.
struct References {
    std::vector<Link> links;
    std::vector<MountPoint> mounts;  // of --volumes-from, in its order
};

// Finds them; namespaces of other containers go by IDs from here. kInvalidArgument in Docker's words for one
// that is not there. Io thread.
Result<References> resolve_references(const Store& store, types::HostConfig& host);

// "container:X" -> X, "" for every other mode.
std::string joined_ref(const std::string& mode);

}  // namespace berth::container
