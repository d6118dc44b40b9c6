#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "network/ipam/ip.h"

namespace berth::network {

// Whether this kernel speaks SCTP; asking may load it.
bool host_has_sctp();

// What a container wants of the host's ports.
struct HostPortRequest {
    Ip host_ip;
    std::string protocol;     // tcp, udp, sctp
    std::uint16_t first = 0;  // 0: any of net.ipv4.ip_local_port_range
    std::uint16_t last = 0;   // ≥ first
    Ip container_ip;          // both for error texts only
    std::uint16_t container_port = 0;
};

// A host port that is ours. The bound socket keeps other processes of the host from it; nobody ever reads
// from it, since rules send the traffic elsewhere. It goes with the daemon while the rules stay: until the
// daemon is back, a process of the host may bind the port, but the traffic goes on to the container.
struct HostPort {
    Ip host_ip;
    std::string protocol;
    std::uint16_t port = 0;
    UniqueFd socket;  // none for SCTP on a host without it
};

// Which host ports containers have. Safe from any thread. Error texts are Docker's.
class HostPorts {
 public:
    // Chooses, reserves and binds. A taken one: "Bind for 0.0.0.0:80 failed: port is already allocated" (by a
    // container), "failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use" (by a
    // process), "all ports are allocated" (a range).
    Result<HostPort> reserve(const HostPortRequest& request);
    // A port whose rules are there already (recovery): reserved even when it cannot be bound.
    // `bind` false: somebody of ours has the socket.
    HostPort adopt(const HostPortRequest& request, bool bind = true);
    // A new socket for a port that is ours and whose socket somebody has lost.
    static Result<UniqueFd> bind_again(const HostPort& port);
    // The caller drops the HostPort, and with it the socket.
    void release(const HostPort& port);

 private:
    bool taken(const HostPortRequest& request, std::uint16_t port) const;
    Result<std::uint16_t> choose(const HostPortRequest& request);
    void free(const HostPortRequest& request, std::uint16_t port);

    mutable std::mutex mutex_;
    std::map<std::string, std::map<Ip, std::set<std::uint16_t>>> taken_;  // by protocol and host address
    std::map<std::string, std::uint16_t> last_;  // per protocol, address and range: where the search goes on
};

}  // namespace berth::network
