#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "network/netd/address.h"
#include "network/netd/proxy.h"

namespace berth::netd {
namespace {

constexpr std::size_t kMostConnections = 4096;
constexpr std::size_t kBuffer = 64 << 10;

// One direction: what was read and is not yet written.
struct Flow {
    std::string buffer;
    bool ended = false;  // the reader has seen the end
    bool shut = false;   // and the writer has been told
};

class TcpProxy final : public Proxy {
 public:
    TcpProxy(Loop& loop, UniqueFd listening, SocketAddress target, int protocol)
        : loop_(loop), listening_(std::move(listening)), target_(target), protocol_(protocol) {}
    ~TcpProxy() override {
        loop_.remove(listening_.get());
        while (!pairs_.empty()) close(pairs_.begin()->second);
    }
    Result<> start() override {
        return loop_.add(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
    }

 private:
    struct Pair {
        UniqueFd client, server;
        Flow up, down;  // client to server, server to client
        bool connected = false;
    };
    using PairPtr = std::shared_ptr<Pair>;

    void accept_one();
    void step(PairPtr pair, std::uint32_t events);
    // false: the connection is over.
    bool pump(int from, int to, Flow& flow) const;
    void watch(const Pair& pair);
    // Of messages one at a time.
    bool has_room(const Flow& flow) const {
        return protocol_ == IPPROTO_SCTP ? flow.buffer.empty() : flow.buffer.size() < kBuffer;
    }
    void close(PairPtr pair);

    Loop& loop_;
    UniqueFd listening_;
    SocketAddress target_;
    const int protocol_;
    std::unordered_map<int, PairPtr> pairs_;  // by the client's descriptor
};

void TcpProxy::accept_one() {
    UniqueFd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client || pairs_.size() >= kMostConnections) return;
    UniqueFd server(
        ::socket(target_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol_));
    if (!server) return;
    if (::connect(server.get(), target_.name(), target_.size) != 0 && errno != EINPROGRESS) return;
    auto pair = std::make_shared<Pair>();
    pair->client = std::move(client);
    pair->server = std::move(server);
    const auto ready = [this, pair](std::uint32_t events) { step(pair, events); };
    pairs_[pair->client.get()] = pair;
    const bool added = loop_.add(pair->server.get(), EPOLLOUT, ready).has_value() &&
                       loop_.add(pair->client.get(), 0, ready).has_value();
    if (!added) close(pair);
}

bool TcpProxy::pump(int from, int to, Flow& flow) const {
    if (!flow.ended && has_room(flow)) {
        std::array<char, kBuffer> bytes;
        const ssize_t got = ::recv(from, bytes.data(), bytes.size() - flow.buffer.size(), 0);
        if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (got == 0) flow.ended = true;
        if (got > 0) flow.buffer.append(bytes.data(), static_cast<std::size_t>(got));
    }
    if (!flow.buffer.empty()) {
        const ssize_t sent = ::send(to, flow.buffer.data(), flow.buffer.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (sent > 0) flow.buffer.erase(0, static_cast<std::size_t>(sent));
    }
    if (flow.ended && flow.buffer.empty() && !flow.shut) {
        ::shutdown(to, SHUT_WR);
        flow.shut = true;
    }
    return true;
}

void TcpProxy::step(PairPtr pair, std::uint32_t) {
    if (!pair->connected) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(pair->server.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            // The client sees what it would have seen at the container: a refusal.
            const linger reset{.l_onoff = 1, .l_linger = 0};
            ::setsockopt(pair->client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            return close(pair);
        }
        pair->connected = true;
    }
    const int client = pair->client.get(), server = pair->server.get();
    const bool going = pump(client, server, pair->up) && pump(server, client, pair->down);
    // An association of SCTP cannot be half open.
    const bool over =
        protocol_ == IPPROTO_SCTP ? pair->up.shut || pair->down.shut : pair->up.shut && pair->down.shut;
    if (!going || over) return close(pair);
    watch(*pair);
}

void TcpProxy::watch(const Pair& pair) {
    const auto wanted = [this](const Flow& in, const Flow& out) {
        std::uint32_t events = 0;
        if (!in.ended && has_room(in)) events |= EPOLLIN;
        if (!out.buffer.empty()) events |= EPOLLOUT;
        return events;
    };
    (void)loop_.change(pair.client.get(), wanted(pair.up, pair.down)).has_value();
    (void)loop_.change(pair.server.get(), wanted(pair.down, pair.up)).has_value();
}

void TcpProxy::close(PairPtr pair) {
    loop_.remove(pair->server.get());
    loop_.remove(pair->client.get());
    pairs_.erase(pair->client.get());
}

}  // namespace

std::unique_ptr<Proxy> make_tcp_proxy(Loop& loop, UniqueFd socket, network::Ip target, std::uint16_t port) {
    return std::make_unique<TcpProxy>(loop, std::move(socket), SocketAddress(target, port), IPPROTO_TCP);
}

std::unique_ptr<Proxy> make_sctp_proxy(Loop& loop, UniqueFd socket, network::Ip target, std::uint16_t port) {
    return std::make_unique<TcpProxy>(loop, std::move(socket), SocketAddress(target, port), IPPROTO_SCTP);
}

}  // namespace berth::netd
