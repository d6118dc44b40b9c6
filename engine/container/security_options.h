#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api-spec/types/host_config.h"
#include "engine/base/result.h"

namespace berth::container {

// HostConfig.SecurityOpt, taken apart.
struct SecurityOptions {
    bool no_new_privileges = false;
    std::string seccomp;   // "": the default; "unconfined", "builtin" or a profile's JSON text
    std::string apparmor;  // "": the default
    std::optional<bool> writable_cgroups;  // absent: those of a privileged container are
};
// "name=value", the older "name:value", or a switch. What is not known is refused in Docker's words: invalid
// --security-opt 2: "x". SELinux labels mean nothing on a host without SELinux; with it they are refused.
Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options);

// What a container that shares the host's processes gets beside its own: no label of its own.
void complete_security_options(types::HostConfig& host);

}  // namespace berth::container
