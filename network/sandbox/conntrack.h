#pragma once

#include <cstdint>

#include "network/ipam/ipv4.h"

// Connections the kernel remembers. Where conntrack is not loaded there is nothing to forget, so failures are only
// logged, at debug level.
namespace berth::network {

// Forgets every connection from or to `address`, translated or not: the next owner of the address must not get what
// was meant for the last one.
void forget_connections(Ipv4 address);

// Forgets the UDP flows to a port of the host: while they live, a new DNAT rule does not apply to them.
void forget_udp_flows(std::uint16_t host_port);

}  // namespace berth::network
