#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "network/ipam/ip.h"
#include "network/netd/loop.h"

namespace berth::netd {

// A published port that no rule can lead on: what arrives at a socket of the host goes to the container.
class Proxy {
 public:
    virtual ~Proxy() = default;
    virtual Result<> start() = 0;
};

// `socket` listens (tcp, sctp) or is bound (udp). Of SCTP, one stream of messages each way, whose borders are
// kept up to 64 KiB.
std::unique_ptr<Proxy> make_tcp_proxy(Loop& loop, UniqueFd socket, network::Ip target, std::uint16_t port);
std::unique_ptr<Proxy> make_sctp_proxy(Loop& loop, UniqueFd socket, network::Ip target, std::uint16_t port);
std::unique_ptr<Proxy> make_udp_proxy(Loop& loop, UniqueFd socket, network::Ip target, std::uint16_t port);

}  // namespace berth::netd
