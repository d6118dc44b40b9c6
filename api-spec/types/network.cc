#include "api-spec/types/network.h"

#include <nlohmann/json.hpp>

#include "api-spec/types/json_fields.h"

namespace berth::types {

using nlohmann::json;

void fields(auto& visit, Either<NetworkSubnet> auto& self) {
    visit("Subnet", self.subnet);
    visit("IPRange", self.ip_range);
    visit("Gateway", self.gateway);
    visit("AuxiliaryAddresses", self.aux_addresses);
}

void fields(auto& visit, Either<NetworkIpam> auto& self) {
    visit("Driver", self.driver);
    visit("Options", self.options);
    visit("Config", self.config);
}

void fields(auto& visit, Either<NetworkReference> auto& self) {
    visit("Network", self.network);
}

void fields(auto& visit, Either<NetworkCreate> auto& self) {
    visit("Name", self.name);
    visit("Driver", self.driver);
    visit("Scope", self.scope);
    visit("EnableIPv4", self.enable_ipv4);
    visit("EnableIPv6", self.enable_ipv6);
    visit("IPAM", self.ipam);
    visit("Internal", self.internal);
    visit("Attachable", self.attachable);
    visit("Ingress", self.ingress);
    visit("ConfigOnly", self.config_only);
    visit("ConfigFrom", self.config_from);
    visit("Options", self.options);
    visit("Labels", self.labels);
}

void fields(auto& visit, Either<NetworkConnect> auto& self) {
    visit("Container", self.container);
}

void fields(auto& visit, Either<NetworkDisconnect> auto& self) {
    visit("Container", self.container);
    visit("Force", self.force);
}

namespace {

json to_json(const NetworkSubnet& subnet) {
    json out{{"Subnet", subnet.subnet}};
    if (!subnet.ip_range.empty()) out["IPRange"] = subnet.ip_range;
    if (!subnet.gateway.empty()) out["Gateway"] = subnet.gateway;
    if (!subnet.aux_addresses.empty()) out["AuxiliaryAddresses"] = subnet.aux_addresses;
    return out;
}

}  // namespace

json to_json(const NetworkInspect& network) {
    json config;
    for (const auto& subnet : network.subnets) config.push_back(to_json(subnet));
    json containers = json::object();
    for (const auto& [id, container] : network.containers)
        containers[id] = {{"Name", container.name},
                          {"EndpointID", container.endpoint_id},
                          {"MacAddress", container.mac_address},
                          {"IPv4Address", container.ipv4_address},
                          {"IPv6Address", container.ipv6_address}};
    json ipam{{"Driver", network.ipam_driver},
              {"Options", network.ipam_options ? json(*network.ipam_options) : json()},
              {"Config", std::move(config)}};
    return {{"Name", network.name},
            {"Id", network.id},
            {"Created", network.created},
            {"Scope", network.scope},
            {"Driver", network.driver},
            {"EnableIPv4", network.enable_ipv4},
            {"EnableIPv6", network.enable_ipv6},
            {"IPAM", std::move(ipam)},
            {"Internal", network.internal},
            {"Attachable", network.attachable},
            {"Ingress", network.ingress},
            {"ConfigFrom", {{"Network", network.config_from}}},
            {"ConfigOnly", network.config_only},
            {"Containers", std::move(containers)},
            {"Options", network.options},
            {"Labels", network.labels}};
}

Result<NetworkCreate> parse_network_create(const json& object) {
    return read_fields<NetworkCreate>(object, "CreateRequest");
}

Result<NetworkConnect> parse_network_connect(const json& object) {
    BERTH_TRY(auto connect, read_fields<NetworkConnect>(object, "ConnectOptions"));
    const auto endpoint = object.find("EndpointConfig");
    if (endpoint == object.end() || endpoint->is_null()) return connect;
    if (!endpoint->is_object())
        return fail(ErrorKind::kInvalidArgument,
                    "invalid JSON: json: cannot unmarshal into Go struct field ConnectOptions.EndpointConfig "
                    "of type network.EndpointSettings");
    BERTH_TRY(connect.endpoint, parse_endpoint_request(*endpoint, "ConnectOptions.EndpointConfig"));
    return connect;
}

Result<NetworkDisconnect> parse_network_disconnect(const json& object) {
    return read_fields<NetworkDisconnect>(object, "DisconnectOptions");
}

}  // namespace berth::types
