#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "network/ipam/ip.h"

// What a firewall has to know, of one address family, of networks and of the containers on them.
namespace berth::network {

// How the outside meets the containers of a network.
enum class GatewayMode {
    kNat,             // by published ports alone, of the host's addresses
    kRouted,          // by the containers' own addresses, on published ports alone
    kNatUnprotected,  // as kNat, and by the containers' own addresses on every port
    kIsolated,        // not at all, and the host neither: the bridge has no address
};

struct BridgeRules {
    std::string bridge;
    Subnet subnet;
    bool masquerade = true;
    bool icc = true;
    bool internal = false;  // nothing goes in or out
    GatewayMode mode = GatewayMode::kNat;
    std::optional<Ip> source;  // what masquerading makes of containers' addresses, if not the interface's
};

// A published port with everything chosen.
struct PublishedPort {
    std::string protocol;         // tcp, udp, sctp
    Ip host_ip;                   // 0.0.0.0: every address
    std::uint16_t host_port = 0;  // 0 on a routed network
    std::uint16_t container_port = 0;
};

// A port of another container of the same bridge that a container is linked to.
struct LinkRule {
    Ip address;
    std::string protocol;
    std::uint16_t port = 0;
};

// What is open of, or to, one container.
struct PublishedContainer {
    std::string bridge;
    Ip address;
    GatewayMode mode = GatewayMode::kNat;
    bool direct = false;               // from outside by its own address, too
    std::vector<std::string> trusted;  // interfaces from which it may be reached by its own address
    std::vector<PublishedPort> ports;
    std::vector<LinkRule>
        links;  // what it may reach where containers of the bridge reach nothing of each other
};

}  // namespace berth::network
