#pragma once

#include <string>
#include <vector>

#include "cli/json.h"
#include "engine/base/result.h"

namespace berth::cli {

// What --network-alias, --ip and their kin say; they go to the first network.
struct EndpointOptions {
    std::vector<std::string> aliases, links, link_local_ips;
    std::string ip, ip6, mac;
};

// --network as often as it is given: "name", or "name=net,alias=web,ip=10.0.0.2,gw-priority=1". Sets
// HostConfig.NetworkMode and NetworkingConfig; docker's texts for what does not go together.
Result<> add_networks(const std::vector<std::string>& networks, const EndpointOptions& options, Json& config,
                      Json& host);

}  // namespace berth::cli
