#pragma once

#include <string>

#include "engine/container/model.h"

namespace berth::container {

// A bind that shares mounts with the host, or follows the host's, needs a source that can. One that is a
// slave only because it shows the engine's data root falls back on "rprivate"; for one that the user asked
// for it is an error in Docker's words.
Result<> check_propagation(MountPoint& mount, const std::string& data_root);

}  // namespace berth::container
