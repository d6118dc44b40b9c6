#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "engine/base/result.h"
#include "engine/executor/options.h"
#include "engine/executor/spaces.h"
#include "engine/oci/runtime_spec.h"

// Network devices of the host that a container gets (the specification's netDevices).
namespace berth::executor {

Result<> check_net_devices(const oci::RuntimeSpec& spec, const Spaces& spaces, const Options& options);

// Moves each, under the name that the spec gives it, into the network namespace of `pid`, with its permanent
// addresses of global scope, and sets it up there. The caller's namespace is the host's.
Result<> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, pid_t pid);

}  // namespace berth::executor
