#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::network {

// What answers 127.0.0.11 in a container.
struct ResolverSockets {
    UniqueFd udp, tcp;
    std::uint16_t udp_port = 0, tcp_port = 0;
    std::vector<UniqueFd> ask_udp,
        ask_tcp;  // unconnected, IPv6 where there is any, for the container's own servers
};

// In the container's namespace (the calling thread's): sockets on 127.0.0.11 and the rules that bring port 53
// to them, in an nftables table of our own, "ip berth-resolver", so that the container may have a name server
// of its own on port 53. Without nftables in the kernel the sockets listen on port 53 themselves. With `old`
// ports the sockets are those of an earlier call, whose rules are there. `own_servers`: with sockets to ask.
Result<ResolverSockets> open_resolver(std::uint16_t old_udp, std::uint16_t old_tcp, bool own_servers);

}  // namespace berth::network
