#pragma once

#include "engine/base/result.h"
#include "engine/cgroup/cgroup.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

// On pure version 2 a container in a user namespace that may write to its cgroups can make some of its own:
// its folder, and the files that the kernel says go with that, are its user's. The limits stay the host's.
Result<> delegate_cgroup(const oci::RuntimeSpec& spec, const cgroup::Cgroup& group);

}  // namespace berth::executor
