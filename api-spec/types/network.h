#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api-spec/types/networking_config.h"
#include "engine/base/result.h"

// Networks of the Engine API. JSON names are the members' in PascalCase unless network.cc says otherwise.
namespace berth::types {

struct NetworkContainer {
    std::string name, endpoint_id, mac_address;
    std::string ipv4_address, ipv6_address;  // "172.17.0.2/16"; IPv4Address
};

struct NetworkSubnet {
    std::string subnet, ip_range, gateway;
    std::map<std::string, std::string> aux_addresses;
};

// GET /networks and GET /networks/{id}.
struct NetworkInspect {
    std::string name, id, created, scope, driver;
    bool enable_ipv4 = true, enable_ipv6 = false;
    std::string ipam_driver = "default";
    std::optional<std::map<std::string, std::string>> ipam_options;
    std::vector<NetworkSubnet> subnets;  // IPAM.Config; empty: null
    bool internal = false, attachable = false, ingress = false, config_only = false;
    std::string config_from;
    std::map<std::string, NetworkContainer> containers;  // by container ID; a list leaves it empty
    std::map<std::string, std::string> options, labels;
};
nlohmann::json to_json(const NetworkInspect& network);

struct NetworkIpam {
    std::string driver;
    std::optional<std::map<std::string, std::string>> options;
    std::vector<NetworkSubnet> config;
};
struct NetworkReference {
    std::string network;
};

// POST /networks/create.
struct NetworkCreate {
    std::string name, driver, scope;
    std::optional<bool> enable_ipv4, enable_ipv6;
    std::optional<NetworkIpam> ipam;
    bool internal = false, attachable = false, ingress = false, config_only = false;
    std::optional<NetworkReference> config_from;
    std::map<std::string, std::string> options, labels;
};
Result<NetworkCreate> parse_network_create(const nlohmann::json& object);

// POST /networks/{id}/connect and /disconnect.
struct NetworkConnect {
    std::string container;
    EndpointRequest endpoint;
};
Result<NetworkConnect> parse_network_connect(const nlohmann::json& object);
struct NetworkDisconnect {
    std::string container;
    bool force = false;
};
Result<NetworkDisconnect> parse_network_disconnect(const nlohmann::json& object);

}  // namespace berth::types
