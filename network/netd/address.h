#pragma once

#include <sys/socket.h>

#include "network/ipam/ip.h"

namespace berth::netd {

// An address and port as system calls want them.
struct SocketAddress {
    SocketAddress() = default;
    SocketAddress(const network::Ip& ip, std::uint16_t port);
    const sockaddr* name() const { return reinterpret_cast<const sockaddr*>(&storage); }

    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
};

}  // namespace berth::netd
