#pragma once

#include <linux/bpf.h>

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::cgroup {

// Device rules as a BPF_PROG_TYPE_CGROUP_DEVICE program: the last rule that matches decides, as version 1's
// files do; without any the answer is no. kInvalidArgument for a type or access that is none.
Result<std::vector<bpf_insn>> device_program(const std::vector<oci::DeviceRule>& rules);

// Loads the program and attaches it to a version 2 cgroup, in the place of what was attached there before.
Result<> attach_device_program(const std::string& folder, const std::vector<oci::DeviceRule>& rules);

}  // namespace berth::cgroup
