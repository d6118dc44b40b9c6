#include "network/netd/address.h"

#include <netinet/in.h>

#include <cstring>

namespace berth::netd {

SocketAddress::SocketAddress(const network::Ip& ip, std::uint16_t port) {
    const auto bytes = ip.bytes();
    if (ip.v6) {
        sockaddr_in6 address{.sin6_family = AF_INET6, .sin6_port = htons(port)};
        std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
        std::memcpy(&storage, &address, sizeof address);
        size = sizeof address;
        return;
    }
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
    std::memcpy(&address.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&storage, &address, sizeof address);
    size = sizeof address;
}

}  // namespace berth::netd
