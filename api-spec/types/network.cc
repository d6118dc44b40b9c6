#include "api-spec/types/network.h"

#include <nlohmann/json.hpp>

namespace berth::types {

using nlohmann::json;

json to_json(const NetworkInspect& network) {
    json config;
    if (!network.subnet.empty())
        config = json::array({{{"Subnet", network.subnet}, {"Gateway", network.gateway}}});
    json containers = json::object();
    for (const auto& [id, container] : network.containers)
        containers[id] = {{"Name", container.name},
                          {"EndpointID", container.endpoint_id},
                          {"MacAddress", container.mac_address},
                          {"IPv4Address", container.ipv4_address},
                          {"IPv6Address", ""}};
    return {{"Name", network.name},
            {"Id", network.id},
            {"Created", network.created},
            {"Scope", network.scope},
            {"Driver", network.driver},
            {"EnableIPv4", true},
            {"EnableIPv6", false},
            {"IPAM", {{"Driver", "default"}, {"Options", nullptr}, {"Config", std::move(config)}}},
            {"Internal", network.internal},
            {"Attachable", false},
            {"Ingress", false},
            {"ConfigFrom", {{"Network", ""}}},
            {"ConfigOnly", false},
            {"Containers", std::move(containers)},
            {"Options", network.options},
            {"Labels", network.labels}};
}

}  // namespace berth::types
