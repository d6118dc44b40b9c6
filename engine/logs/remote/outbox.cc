#include "engine/logs/remote/outbox.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace berth::logs {

namespace {

constexpr timeval kPatience{5, 0};

std::string phrase_of(const Address& address) {
    const bool file = address.scheme.starts_with("unix");
    const std::string host =
        address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
    return "dial " + address.scheme + " " + (file ? address.path : host + ":" + std::to_string(address.port));
}

Result<UniqueFd> open_socket(int family, int type, const sockaddr* name, socklen_t size,
                             const std::string& phrase) {
    UniqueFd socket(::socket(family, type | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno(phrase + ": socket");
    // The one limit covers connect(2) as well.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    if (::connect(socket.get(), name, size) != 0) return fail_errno(phrase + ": connect");
    return socket;
}

Result<UniqueFd> connect_file(const std::string& path, int type, const std::string& phrase) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
        return fail(ErrorKind::kInvalidArgument, phrase + ": the path is too long");
    std::memcpy(name.sun_path, path.c_str(), path.size());
    return open_socket(AF_UNIX, type, reinterpret_cast<const sockaddr*>(&name), sizeof name, phrase);
}

Result<UniqueFd> connect_host(const Address& address, const std::string& phrase) {
    addrinfo hints{};
    hints.ai_socktype = address.scheme == "udp" ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(address.port),
                      host = address.host.empty() ? "127.0.0.1" : address.host;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
        return fail(ErrorKind::kUnavailable, phrase + ": lookup " + host + ": " + ::gai_strerror(error));
    Result<UniqueFd> out = fail(ErrorKind::kUnavailable, phrase + ": no address");
    for (const addrinfo* one = found; one != nullptr && !out; one = one->ai_next)
        out = open_socket(one->ai_family, one->ai_socktype, one->ai_addr, one->ai_addrlen, phrase);
    ::freeaddrinfo(found);
    return out;
}

// The syslog of this host, wherever it listens.
Result<UniqueFd> connect_local() {
    for (const char* path : {"/dev/log", "/var/run/syslog", "/var/run/log"}) {
        for (int type : {SOCK_DGRAM, SOCK_STREAM}) {
            if (auto socket = connect_file(path, type, "dial"); socket) return socket;
        }
    }
    return fail(ErrorKind::kUnavailable, "unix syslog delivery error");
}

Result<UniqueFd> dial(const Address& address) {
    if (address.scheme.empty()) return connect_local();
    const std::string phrase = phrase_of(address);
    if (address.scheme == "unix") return connect_file(address.path, SOCK_STREAM, phrase);
    if (address.scheme == "unixgram") return connect_file(address.path, SOCK_DGRAM, phrase);
    return connect_host(address, phrase);
}

}  // namespace

Result<> Outbox::connect() {
    BERTH_TRY(socket_, dial(address_));
    return {};
}

Result<> Outbox::post(std::string message) {
    if (queued_ + message.size() > limits_.bytes && !queue_.empty()) {
        ++lost_;
    } else {
        queued_ += message.size();
        queue_.push_back(std::move(message));
    }
    auto delivered = deliver();
    if (!delivered) return Failure(std::move(delivered.error()));
    return {};
}

Result<bool> Outbox::deliver() {
    if (queue_.empty()) return true;
    if (!socket_) {
        if (std::chrono::steady_clock::now() < next_try_) return false;
        next_try_ = std::chrono::steady_clock::now() + limits_.retry;
        if (auto connected = connect(); !connected) return Failure(std::move(connected.error()));
    }
    while (!queue_.empty()) {
        BERTH_CHECK(send(queue_.front()));
        queued_ -= queue_.front().size();
        queue_.pop_front();
    }
    return true;
}

Result<> Outbox::send(const std::string& message) {
    std::size_t sent = 0;
    while (sent < message.size()) {
        const ssize_t done =
            ::send(socket_.get(), message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            auto error = fail_errno("write to the log server");
            socket_.reset();
            next_try_ = std::chrono::steady_clock::now();
            return error;
        }
        sent += static_cast<std::size_t>(done);
    }
    return {};
}

}  // namespace berth::logs
