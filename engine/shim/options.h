#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::shim {

// berth-shim --id ID --bundle DIR            serve one container; descriptor 3 is the supervisor
// berth-shim --id ID --bundle DIR --reap WHY clear away a container whose shim is dead
// The ID is there for people who read `ps`.
struct ShimOptions {
    std::string id, bundle, reap_reason;
    bool version = false;
};
Result<ShimOptions> parse_options(int argc, char** argv);

}  // namespace berth::shim
