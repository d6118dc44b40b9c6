#pragma once

#include <string>
#include <vector>

#include "cli/json.h"
#include "engine/base/result.h"

namespace berth::cli {

// IPAM.Config out of --subnet, --ip-range, --gateway and --aux-address ("name=address"): each range and
// address goes to the subnet it lies in. Docker's texts for what has none.
Result<Json> subnet_configs(const std::vector<std::string>& subnets, const std::vector<std::string>& ranges,
                            const std::vector<std::string>& gateways,
                            const std::vector<std::string>& aux_addresses);

}  // namespace berth::cli
