#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <string_view>

#include "network/netd/address.h"
#include "network/netd/proxy.h"

namespace berth::netd {
namespace {

constexpr std::size_t kMostClients = 1024;
constexpr std::chrono::seconds kIdle{90};
constexpr std::size_t kLongest = 65535;
constexpr int kDatagramsARound = 64;

// The address of the host that a datagram came to, and that the answer has to come from.
struct Local {
    std::size_t size = 0;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
};

void ask_for_local(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

// One control message as sendmsg() takes it, of what recvmsg() has said.
template <class Info>
Local keep(const cmsghdr* header, const Info& info) {
    Local local;
    local.size = CMSG_SPACE(sizeof info);
    std::memcpy(local.control.data(), header, sizeof *header);
    std::memcpy(local.control.data() + CMSG_LEN(0), &info, sizeof info);
    return local;
}

template <class Info>
Info info_of(const cmsghdr* header) {
    Info info;
    std::memcpy(&info, CMSG_DATA(header), sizeof info);
    return info;
}

// By which interface an answer goes is for the routes to say, but where an address means nothing without.
Local local_of(msghdr& message) {
    for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            auto info = info_of<in_pktinfo>(header);
            info.ipi_ifindex = 0;
            return keep(header, info);
        }
        if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
            auto info = info_of<in6_pktinfo>(header);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
            return keep(header, info);
        }
    }
    return {};
}

class UdpProxy final : public Proxy {
 public:
    UdpProxy(Loop& loop, UniqueFd socket, SocketAddress target)
        : loop_(loop), socket_(std::move(socket)), target_(target) {}
    ~UdpProxy() override {
        loop_.remove(socket_.get());
        while (!clients_.empty()) forget(clients_.begin()->first);
    }
    Result<> start() override {
        ask_for_local(socket_.get());
        return loop_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { forward(); });
    }

 private:
    // A socket of its own for each client, so that answers find their way back.
    struct Client {
        UniqueFd socket;
        SocketAddress address;
        Local local;
        Loop::Timer idle;
    };

    void forward();
    Client* client_at(const SocketAddress& address, const Local& local);
    void answer(const std::string& key);
    void forget(const std::string& key);
    static std::string key_of(const SocketAddress& address, const Local& local) {
        return std::string(reinterpret_cast<const char*>(&address.storage), address.size)
            .append(local.control.data(), local.size);
    }

    Loop& loop_;
    UniqueFd socket_;
    SocketAddress target_;
    std::map<std::string, Client> clients_;
};

UdpProxy::Client* UdpProxy::client_at(const SocketAddress& address, const Local& local) {
    const auto key = key_of(address, local);
    auto found = clients_.find(key);
    if (found != clients_.end()) {
        loop_.cancel(found->second.idle);
    } else {
        if (clients_.size() >= kMostClients) return nullptr;
        Client client;
        client.socket.reset(
            ::socket(target_.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        client.address = address;
        client.local = local;
        if (!client.socket || ::connect(client.socket.get(), target_.name(), target_.size) != 0)
            return nullptr;
        if (!loop_.add(client.socket.get(), EPOLLIN, [this, key](std::uint32_t) { answer(key); }))
            return nullptr;
        found = clients_.emplace(key, std::move(client)).first;
    }
    found->second.idle = loop_.after(kIdle, [this, key] { forget(key); });
    return &found->second;
}

void UdpProxy::forward() {
    std::array<char, kLongest> bytes;
    for (int i = 0; i < kDatagramsARound; ++i) {
        SocketAddress from;
        Local room;
        iovec data{bytes.data(), bytes.size()};
        msghdr message{.msg_name = &from.storage,
                       .msg_namelen = from.size,
                       .msg_iov = &data,
                       .msg_iovlen = 1,
                       .msg_control = room.control.data(),
                       .msg_controllen = room.control.size(),
                       .msg_flags = 0};
        const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
        if (got < 0) return;
        from.size = message.msg_namelen;
        if (const auto* client = client_at(from, local_of(message)))
            ::send(client->socket.get(), bytes.data(), static_cast<std::size_t>(got),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void UdpProxy::answer(const std::string& key) {
    const auto found = clients_.find(key);
    if (found == clients_.end()) return;
    std::array<char, kLongest> bytes;
    const ssize_t got = ::recv(found->second.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) return;
    auto& client = found->second;
    iovec data{bytes.data(), static_cast<std::size_t>(got)};
    const msghdr message{.msg_name = &client.address.storage,
                         .msg_namelen = client.address.size,
                         .msg_iov = &data,
                         .msg_iovlen = 1,
                         .msg_control = client.local.control.data(),
                         .msg_controllen = client.local.size,
                         .msg_flags = 0};
    ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void UdpProxy::forget(const std::string& key) {
    const auto found = clients_.find(key);
    if (found == clients_.end()) return;
    loop_.cancel(found->second.idle);
    loop_.remove(found->second.socket.get());
    clients_.erase(found);
}

}  // namespace

std::unique_ptr<Proxy> make_udp_proxy(Loop& loop, UniqueFd socket, network::Ip target, std::uint16_t port) {
    return std::make_unique<UdpProxy>(loop, std::move(socket), SocketAddress(target, port));
}

}  // namespace berth::netd
