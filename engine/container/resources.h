#pragma once

#include "api-spec/types/host_config.h"
#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"

namespace berth::container {

// The limits of a HostConfig as the runtime takes them.
oci::Resources resources(const types::HostConfig& host);

// What limits may not say, in Docker's words. Completes them: swap of twice the memory where only memory is
// limited.
Result<> check_resources(types::HostConfig& host);
Result<> check_restart_policy(types::HostConfig& host);

}  // namespace berth::container
