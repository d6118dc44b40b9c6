#pragma once

#include <sys/types.h>

#include <string>

#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

// What the kernel keeps for a process beside its identity; all are of the calling one.
namespace berth::executor {

// kInvalidArgument for what no kernel could do, before anything is made.
Result<> check_attributes(const oci::RuntimeSpec& spec, const oci::Process& process);

Result<> set_scheduler(const oci::Scheduler& scheduler);
Result<> set_io_priority(const oci::IoPriority& priority);
Result<> set_personality(const oci::Personality& personality);
Result<> set_memory_policy(const oci::MemoryPolicy& policy);
// "0-3,7".
Result<> set_cpu_affinity(const std::string& list);
// The CPUs that `pid` may use, as a number with a bit for each: "0x3".
std::string cpu_mask_of(pid_t pid);
// All CPUs that the cgroup of `pid` has, whatever the runtime itself was held to.
void reset_cpu_affinity(pid_t pid);

}  // namespace berth::executor
