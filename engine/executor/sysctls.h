#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

struct Spaces;

// Only what belongs to a namespace that the container has for itself; anything else is the host's.
Result<> check_sysctl(const std::string& name, const Spaces& spaces);

// Inside the container, after its root has become "/": into the kernel's own /proc/sys, never into something
// that an image or a mount put there.
Result<> apply_sysctls(const oci::Linux& settings);

}  // namespace berth::executor
