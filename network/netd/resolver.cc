#include "network/netd/resolver.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "network/names/dns_message.h"
#include "network/netd/local_names.h"

namespace berth::netd {
namespace {

namespace dns = network::dns;
using Ask = network::SandboxNames::Ask;

constexpr std::size_t kMostQuestions = 256, kMostConnections = 64, kLongest = 65535;
constexpr int kDatagramsARound = 64;  // then others have their turn
constexpr std::chrono::seconds kIdle{10};

}  // namespace

struct Resolver::Connection {
    UniqueFd socket;
    std::string incoming;
    Loop::Timer idle;
};

Resolver::Resolver(Loop& loop, NamesFolder& folder, Forwarder& forwarder, std::string container,
                   network::Packet sockets, std::size_t udp_to_ask)
    : loop_(loop), folder_(folder), forwarder_(forwarder), container_(std::move(container)) {
    auto& fds = sockets.descriptors;
    udp_ = std::move(fds[0]);
    tcp_ = std::move(fds[1]);
    ask_ = std::make_shared<AskSockets>();
    for (std::size_t i = 2; i < fds.size(); ++i)
        (i - 2 < udp_to_ask ? ask_->udp : ask_->tcp).push_back(std::move(fds[i]));
    self_ = std::make_shared<Resolver*>(this);
}

Resolver::~Resolver() {
    *self_ = nullptr;
    loop_.remove(udp_.get());
    loop_.remove(tcp_.get());
    while (!connections_.empty()) close_connection(connections_.begin()->first);
}

Result<> Resolver::listen() {
    BERTH_CHECK(loop_.add(udp_.get(), EPOLLIN, [this](std::uint32_t) { read_datagrams(); }));
    return loop_.add(tcp_.get(), EPOLLIN, [this](std::uint32_t) { accept_connection(); });
}

void Resolver::answer(std::string query, bool tcp, Reply reply) {
    const auto question = dns::parse_question(query);
    if (!question) return;
    const std::size_t limit = tcp ? kLongest : question->limit;
    const auto fail_now = [&] { reply(dns::make_answer(query, *question, dns::kServerFailure, {}, limit)); };
    const auto* sandbox = folder_.sandbox(container_);
    if (!sandbox) return fail_now();
    if (auto local = answer_locally(folder_, *sandbox, query, *question, limit)) return reply(*local);
    const bool address = question->type == dns::kA || question->type == dns::kAaaa;
    // Who has set ndots has the client come again, with its search domains.
    if (!sandbox->ask_undotted && address && question->name.find('.') == std::string::npos)
        return reply(dns::make_answer(query, *question, dns::kNoError, {}, limit));
    if (sandbox->ask == Ask::kNobody || under_way_ >= kMostQuestions) return fail_now();
    ++under_way_;
    auto done = [self = self_, reply = std::move(reply)](std::string text) {
        if (!*self) return;
        --(*self)->under_way_;
        reply(std::move(text));
    };
    forwarder_.ask({.query = std::move(query),
                    .question = *question,
                    .servers = sandbox->servers,
                    .tcp = tcp,
                    .sockets = sandbox->ask == Ask::kContainer ? ask_ : nullptr,
                    .done = std::move(done)});
}

void Resolver::read_datagrams() {
    for (int i = 0; i < kDatagramsARound; ++i) {
        char buffer[4096];
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const ssize_t got = ::recvfrom(udp_.get(), buffer, sizeof buffer, MSG_DONTWAIT,
                                       reinterpret_cast<sockaddr*>(&peer), &size);
        if (got < 0) return;
        answer(std::string(buffer, static_cast<std::size_t>(got)), false,
               [this, peer](const std::string& text) {
                   ::sendto(udp_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                            reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
               });
    }
}

void Resolver::accept_connection() {
    UniqueFd socket(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || connections_.size() >= kMostConnections) return;
    const int fd = socket.get();
    auto connection = std::make_unique<Connection>();
    connection->socket = std::move(socket);
    connection->idle = loop_.after(kIdle, [this, fd] { close_connection(fd); });
    if (!loop_.add(fd, EPOLLIN, [this, fd](std::uint32_t) { read_connection(fd); }))
        return loop_.cancel(connection->idle);
    connections_[fd] = std::move(connection);
}

void Resolver::read_connection(int fd) {
    auto& connection = *connections_.at(fd);
    char buffer[4096];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close_connection(fd);
    loop_.cancel(connection.idle);
    connection.idle = loop_.after(kIdle, [this, fd] { close_connection(fd); });
    auto& in = connection.incoming;
    in.append(buffer, static_cast<std::size_t>(got));
    for (;;) {
        if (in.size() < 2) return;
        const std::size_t size = static_cast<unsigned char>(in[0]) << 8 | static_cast<unsigned char>(in[1]);
        if (in.size() < size + 2) return;
        std::string query = in.substr(2, size);
        in.erase(0, size + 2);
        answer(std::move(query), true, [this, fd](const std::string& text) { write_connection(fd, text); });
        if (!connections_.contains(fd)) return;
    }
}

// A client that does not read its answers is not waited for.
void Resolver::write_connection(int fd, const std::string& answer) {
    if (!connections_.contains(fd)) return;
    std::string framed{static_cast<char>(answer.size() >> 8), static_cast<char>(answer.size() & 0xff)};
    framed += answer;
    const ssize_t sent = ::send(fd, framed.data(), framed.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(framed.size())) close_connection(fd);
}

void Resolver::close_connection(int fd) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    loop_.cancel(found->second->idle);
    loop_.remove(fd);
    connections_.erase(found);
}

}  // namespace berth::netd
