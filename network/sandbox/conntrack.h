#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "engine/sys/netlink.h"
#include "network/ipam/ip.h"

// Connections the kernel remembers. Each call walks the kernel's whole table (5 ms when it has 262144
// buckets), so they are made for containers with published ports alone. Where conntrack is not loaded there
// is nothing to forget, so failures are only logged, at debug level.
namespace berth::network {

class Conntrack {
 public:
    // Forgets every connection from or to `address`, translated or not: a client's UDP flow would go on to
    // the address after its port has another owner.
    void forget_connections(Ip address);
    // Forgets the UDP flows to ports of the host: while they live, a new DNAT rule does not apply to them.
    void forget_udp_flows(const std::set<std::uint16_t>& host_ports);

 private:
    struct Tuple;
    Result<> forget_if(const std::function<bool(const Tuple& original, const Tuple& reply)>& wanted);

    std::mutex mutex_;
    // Kept: to close a netfilter socket waits for rules that were just deleted.
    std::optional<sys::NetlinkSocket> socket_;
};

}  // namespace berth::network
