#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
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

class UdpProxy final : public Proxy {
 public:
    UdpProxy(Loop& loop, UniqueFd socket, SocketAddress target)
        : loop_(loop), socket_(std::move(socket)), target_(target) {}
    ~UdpProxy() override {
        loop_.remove(socket_.get());
        while (!clients_.empty()) forget(clients_.begin()->first);
    }
    Result<> start() override {
        return loop_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { forward(); });
    }

 private:
    // A socket of its own for each client, so that answers find their way back.
    struct Client {
        UniqueFd socket;
        SocketAddress address;
        Loop::Timer idle;
    };

    void forward();
    Client* client_at(const SocketAddress& address);
    void answer(const std::string& key);
    void forget(const std::string& key);
    static std::string key_of(const SocketAddress& address) {
        return {reinterpret_cast<const char*>(&address.storage), address.size};
    }

    Loop& loop_;
    UniqueFd socket_;
    SocketAddress target_;
    std::map<std::string, Client> clients_;
};

UdpProxy::Client* UdpProxy::client_at(const SocketAddress& address) {
    const auto key = key_of(address);
    auto found = clients_.find(key);
    if (found != clients_.end()) {
        loop_.cancel(found->second.idle);
    } else {
        if (clients_.size() >= kMostClients) return nullptr;
        Client client;
        client.socket.reset(
            ::socket(target_.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        client.address = address;
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
        const ssize_t got = ::recvfrom(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                                       reinterpret_cast<sockaddr*>(&from.storage), &from.size);
        if (got < 0) return;
        if (const auto* client = client_at(from))
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
    const auto& to = found->second.address;
    ::sendto(socket_.get(), bytes.data(), static_cast<std::size_t>(got), MSG_DONTWAIT | MSG_NOSIGNAL,
             to.name(), to.size);
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
