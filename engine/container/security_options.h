#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::container {

// HostConfig.SecurityOpt, taken apart.
struct SecurityOptions {
    bool no_new_privileges = false;
    std::string seccomp;   // "": the default; "unconfined", or a profile's JSON text
    std::string apparmor;  // "": the default
};
// "name=value" or the older "name:value". One that is not known is refused: invalid --security-opt 2: "x".
Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options);

}  // namespace berth::container
