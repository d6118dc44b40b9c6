#include "network/netd/forwarder.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <cerrno>

#include "network/ipam/ip.h"
#include "network/netd/address.h"

namespace berth::netd {
namespace {

namespace dns = network::dns;
using network::Ip;

constexpr std::size_t kServers = 3;
constexpr std::chrono::milliseconds kTimePerServer{Forwarder::kLongestWait / kServers};
constexpr std::size_t kMostPending = 8192;  // of all containers
constexpr std::size_t kLongest = 65535;

std::uint16_t random_id() {
    std::uint16_t id = 0;
    if (::getrandom(&id, sizeof id, 0) != sizeof id) return 0;
    return id;
}

}  // namespace

struct Forwarder::Pending {
    Request request;
    std::size_t server = 0;
    UniqueFd socket;
    bool borrowed = false;
    Loop::Timer timer;
    bool waiting = false;  // the timer is set
    std::uint16_t id = 0;
    std::string outgoing, incoming;  // of a TCP connection
    Clock::time_point deadline{};
    bool queued = false;  // for a socket
};

Forwarder::~Forwarder() {
    for (auto* pending : pending_) {
        drop_socket(pending);
        delete pending;
    }
}

void Forwarder::ask(Request request) {
    auto* pending = new Pending{.request = std::move(request), .deadline = Clock::now() + kLongestWait};
    pending_.insert(pending);
    if (pending_.size() > kMostPending) pending->server = kServers;
    try_next(pending);
}

void Forwarder::try_next(Pending* pending) {
    auto& request = pending->request;
    for (;;) {
        drop_socket(pending);
        if (pending->server >= std::min(request.servers.size(), kServers) ||
            Clock::now() >= pending->deadline)
            return finish(pending, dns::make_answer(request.query, request.question, dns::kServerFailure, {},
                                                    kLongest));
        const auto sent = send(pending);
        if (sent && !*sent) return;
        ++pending->server;
        if (sent) return;
    }
}

std::deque<void*>& Forwarder::queue_of(Pending* pending) {
    auto& sockets = *pending->request.sockets;
    return pending->request.tcp ? sockets.tcp_queue : sockets.udp_queue;
}

void Forwarder::await(Pending* pending, std::chrono::milliseconds longest) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(pending->deadline - Clock::now());
    pending->timer = loop_.after(std::min(longest, left), [this, pending] {
        pending->waiting = false;
        try_next(pending);
    });
    pending->waiting = true;
}

bool Forwarder::take_socket(Pending* pending, bool v6) {
    auto& request = pending->request;
    if (!request.sockets) {
        const int type = (request.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
        pending->socket.reset(::socket(v6 ? AF_INET6 : AF_INET, type, 0));
        return true;
    }
    auto& free = request.tcp ? request.sockets->tcp : request.sockets->udp;
    if (free.empty()) {
        queue_of(pending).push_back(pending);
        pending->queued = true;
        await(pending, kLongestWait);
        return false;
    }
    pending->socket = std::move(free.back());
    free.pop_back();
    pending->borrowed = true;
    return true;
}

namespace {

// A socket for both families takes IPv4 addresses in its own spelling, "::ffff:192.0.2.1".
SocketAddress server_for(int socket, const Ip& ip) {
    int domain = AF_INET;
    socklen_t size = sizeof domain;
    ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    if (ip.v6 || domain == AF_INET) return {ip, 53};
    return {*Ip::parse("::ffff:" + ip.text()), 53};
}

}  // namespace

Result<bool> Forwarder::send(Pending* pending) {
    auto& request = pending->request;
    const auto ip = Ip::parse(request.servers[pending->server]);
    if (!ip) return fail(ErrorKind::kInvalidArgument, "not an address");
    if (!take_socket(pending, ip->v6)) return false;
    if (!pending->socket) return fail_errno("socket");
    const int fd = pending->socket.get();
    const auto address = server_for(fd, *ip);
    if (::connect(fd, address.name(), address.size) != 0 && errno != EINPROGRESS)
        return fail_errno("connect");
    pending->id = random_id();
    std::string query = request.query;
    dns::set_id(query, pending->id);
    pending->incoming.clear();
    pending->outgoing.clear();
    if (request.tcp) {
        pending->outgoing = {static_cast<char>(query.size() >> 8), static_cast<char>(query.size() & 0xff)};
        pending->outgoing += query;
    } else if (::send(fd, query.data(), query.size(), MSG_NOSIGNAL) < 0) {
        return fail_errno("send");
    }
    BERTH_CHECK(loop_.add(fd, request.tcp ? EPOLLIN | EPOLLOUT : EPOLLIN,
                          [this, pending](std::uint32_t events) { readable(pending, events); }));
    await(pending, kTimePerServer);
    return true;
}

void Forwarder::readable(Pending* pending, std::uint32_t events) {
    const int fd = pending->socket.get();
    if (!pending->outgoing.empty() && (events & EPOLLOUT)) {
        const ssize_t sent = ::send(fd, pending->outgoing.data(), pending->outgoing.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return try_next(pending);
        if (sent > 0) pending->outgoing.erase(0, static_cast<std::size_t>(sent));
        if (pending->outgoing.empty() && !loop_.change(fd, EPOLLIN)) return try_next(pending);
    }
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return;
    char buffer[kLongest];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return try_next(pending);  // an ICMP error, or the end of a connection
    if (!pending->request.tcp) return answered(pending, std::string(buffer, static_cast<std::size_t>(got)));
    pending->incoming.append(buffer, static_cast<std::size_t>(got));
    const auto& in = pending->incoming;
    if (in.size() < 2) return;
    const std::size_t size = static_cast<unsigned char>(in[0]) << 8 | static_cast<unsigned char>(in[1]);
    if (in.size() >= size + 2) answered(pending, in.substr(2, size));
}

void Forwarder::answered(Pending* pending, std::string answer) {
    const auto& request = pending->request;
    // Not to this question: somebody guesses.
    if (answer.size() < dns::kHeaderSize || dns::id_of(answer) != pending->id ||
        !dns::same_question(request.query, request.question, answer))
        return;
    const auto code = dns::code_of(answer);
    constexpr std::uint8_t kRefused = 5;
    const bool others = pending->server < std::min(request.servers.size(), kServers);
    if ((code == dns::kServerFailure || code == kRefused) && others) return try_next(pending);
    dns::set_id(answer, request.question.id);
    finish(pending, std::move(answer));
}

// Unconnected again, without a port: the next question gets another one.
void Forwarder::give_back(Pending* pending) {
    const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    auto& sockets = *pending->request.sockets;
    if (::connect(pending->socket.get(), &nobody, sizeof nobody) != 0) return;
    (pending->request.tcp ? sockets.tcp : sockets.udp).push_back(std::move(pending->socket));
    auto& queue = queue_of(pending);
    if (queue.empty()) return;
    auto* next = static_cast<Pending*>(queue.front());
    loop_.cancel(next->timer);
    // Not from here: whoever gives back may be in the middle of its own question.
    next->timer = loop_.after(std::chrono::milliseconds(0), [this, next] {
        next->waiting = false;
        try_next(next);
    });
    queue.pop_front();
    next->queued = false;
}

void Forwarder::drop_socket(Pending* pending) {
    if (pending->waiting) loop_.cancel(pending->timer);
    pending->waiting = false;
    if (pending->queued) std::erase(queue_of(pending), pending);
    pending->queued = false;
    if (!pending->socket) return;
    loop_.remove(pending->socket.get());
    if (pending->borrowed) give_back(pending);
    pending->borrowed = false;
    pending->socket.reset();
}

void Forwarder::finish(Pending* pending, std::string answer) {
    drop_socket(pending);
    auto done = std::move(pending->request.done);
    pending_.erase(pending);
    delete pending;
    done(std::move(answer));
}

}  // namespace berth::netd
