#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

// GET /networks and GET /networks/{id}. JSON names are the members' in PascalCase unless network.cc says
// otherwise.
namespace berth::types {

struct NetworkContainer {
    std::string name, endpoint_id, mac_address;
    std::string ipv4_address;  // "172.17.0.2/16"; IPv4Address
};

struct NetworkInspect {
    std::string name, id, created, scope, driver;
    std::string subnet, gateway;  // of IPAM.Config[0]; both empty: Config is null
    bool internal = false;
    std::map<std::string, NetworkContainer> containers;  // by container ID; a list leaves it empty
    std::map<std::string, std::string> options, labels;
};

nlohmann::json to_json(const NetworkInspect& network);

}  // namespace berth::types
