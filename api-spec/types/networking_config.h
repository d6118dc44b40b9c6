#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

namespace berth::types {

struct EndpointIpam {
    std::string ipv4_address, ipv6_address;
    std::vector<std::string> link_local_ips;
};

// One entry of `NetworkingConfig.EndpointsConfig`: what a create request wants of a network.
struct EndpointRequest {
    std::optional<EndpointIpam> ipam;
    std::vector<std::string> aliases;
    std::vector<std::string> links;  // "container" or "container:alias"
    std::string mac_address;
    std::int64_t gw_priority = 0;
    std::map<std::string, std::string> driver_opts;
};

// Network name -> what is wanted there. As parse_container_config(). What clients echo from an inspect
// (NetworkID, IPAddress, …) is the engine's to say and is not read.
Result<std::map<std::string, EndpointRequest>> parse_networking_config(const nlohmann::json& object,
                                                                       const std::string& path);
nlohmann::json to_json(const EndpointRequest& request);
Result<EndpointRequest> parse_endpoint_request(const nlohmann::json& object, const std::string& path);

}  // namespace berth::types
