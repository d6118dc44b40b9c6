#pragma once

#include <string>

#include "network/network_service.h"

namespace berth::network {

// A network as the database and DATA/networks/ID.json keep it:
//   {"version":1,"id","name","driver","scope","created":NANOSECONDS,"ipv4","ipv6","internal","attachable",
//    "ingress","config_only","config_from","ipam_driver","ipam_options":{},
//    "requested":[{"subnet","range","gateway","aux":{}}],"pools":[…],"options":{},"labels":{}}
// What is missing has its default.
std::string render_network(const Network& network);
// kDataLoss when it cannot be read.
Result<Network> parse_network(const std::string& text);

}  // namespace berth::network
