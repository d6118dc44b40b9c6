#pragma once

#include <string>
#include <vector>

#include "api-spec/types/host_config.h"
#include "engine/base/result.h"
#include "engine/cgroup/host_support.h"
#include "engine/oci/runtime_spec.h"

namespace berth::container {

// The limits of a HostConfig as the runtime takes them. Looks up the numbers of block devices: "stat /dev/x:
// no such file or directory".
Result<oci::Resources> resources(const types::HostConfig& host);

// What limits may not say, in Docker's words; `update` for changes to a container that is there. What this
// host cannot do is taken out, with a warning.
Result<> check_resources(types::HostConfig& host, const cgroup::HostSupport& support, bool update,
                         std::vector<std::string>& warnings);
// The defaults that a new container gets: swap of twice the memory where only memory is limited.
void complete_resources(types::HostConfig& host, const cgroup::HostSupport& support);
Result<> check_restart_policy(types::HostConfig& host);

}  // namespace berth::container
