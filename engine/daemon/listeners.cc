#include "engine/daemon/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "engine/base/log.h"

namespace berth::daemon {

namespace {

using Tls = std::shared_ptr<const http::TlsServer>;
constexpr int kFirstPassed = 3;

// The group's ID, or -1 with a warning: the socket then belongs to our own group.
int socket_group(const Config& config) {
    const group* found = ::getgrnam(config.group.c_str());
    if (found != nullptr) return static_cast<int>(found->gr_gid);
    int id = 0;
    const char* end = config.group.data() + config.group.size();
    auto [rest, error] = std::from_chars(config.group.data(), end, id);
    if (error == std::errc() && rest == end && id >= 0) return id;
    log::warning("could not change group of the socket to " + config.group, {{"error", "group not found"}});
    return -1;
}

// The address of a host name, in brackets if it is of version 6.
Result<std::string> resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0)
        return fail(ErrorKind::kInvalidArgument, "lookup " + host + ": " + ::gai_strerror(error));
    char text[NI_MAXHOST];
    const int error =
        ::getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    const bool v6 = found->ai_family == AF_INET6;
    ::freeaddrinfo(found);
    if (error != 0) return fail(ErrorKind::kInternal, "lookup " + host + ": " + ::gai_strerror(error));
    return v6 ? "[" + std::string(text) + "]" : std::string(text);
}

Result<> listen_tcp(http::Server& server, const Config& config, const std::string& address, Tls tls) {
    if (!tls || !config.tls_verify.value_or(false)) {
        log::warning(
            "binding to an IP address without --tlsverify gives root access on this machine to everyone "
            "who has access to the network",
            {{"host", "tcp://" + address}});
    }
    const auto colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (!host.starts_with('[')) {
        BERTH_TRY(host, resolve(host));
    }
    BERTH_TRY(auto port, server.listen_tcp(host + address.substr(colon), std::move(tls)));
    log::info(fmt::format("API listen on {}:{}", host, port));
    return {};
}

bool is_unix(int fd) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 && name.ss_family == AF_UNIX;
}

// How many descriptors the service manager has passed to this very process (sd_listen_fds(3)).
int passed_sockets() {
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    if (pid == nullptr || count == nullptr || std::atol(pid) != ::getpid()) return 0;
    return std::max(0, std::atoi(count));
}

Result<> listen_passed(http::Server& server, const std::string& address, const Tls& tls) {
    auto refused = [](const std::string& why) { return fail(ErrorKind::kInvalidArgument, why); };
    const int count = passed_sockets();
    if (count == 0)
        return refused(
            "no sockets found via socket activation: make sure the service was started by systemd");
    int wanted = -1;
    if (!address.empty() && address != "*") {
        const char* end = address.data() + address.size();
        auto [rest, error] = std::from_chars(address.data(), end, wanted);
        if (error != std::errc() || rest != end)
            return refused("failed to parse systemd fd address: should be a number: " + address);
        if (wanted < kFirstPassed || wanted >= kFirstPassed + count)
            return refused("too few socket activated files passed in by systemd");
    }
    for (int fd = kFirstPassed; fd < kFirstPassed + count; ++fd) {
        UniqueFd socket(fd);
        if (wanted != -1 && fd != wanted) continue;
        int listens = 0;
        socklen_t size = sizeof listens;
        if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
            return refused("failed to listen on systemd activated file: fd " + std::to_string(fd));
        const int flags = ::fcntl(fd, F_GETFL);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
            return fail_errno("fcntl");
        BERTH_CHECK(server.listen_fd(std::move(socket), is_unix(fd) ? Tls() : tls));
        log::info("API listen on fd " + std::to_string(fd));
    }
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDS");
    ::unsetenv("LISTEN_FDNAMES");
    return {};
}

Result<> listen_on(http::Server& server, const Config& config, const std::string& host, const Tls& tls) {
    const auto mark = host.find("://");
    const std::string protocol = host.substr(0, mark), address = host.substr(mark + 3);
    if (protocol == "fd") return listen_passed(server, address, tls);
    if (protocol == "tcp") return listen_tcp(server, config, address, tls);
    BERTH_CHECK(server.listen_unix(address, 0660, socket_group(config)));
    log::info("API listen on " + address);
    return {};
}

}  // namespace

Result<Tls> load_tls(const Config& config) {
    if (!config.tls.value_or(false)) return Tls();
    http::TlsServer::Files files{config.tls_cert, config.tls_key, {}};
    const bool verify = config.tls_verify.value_or(true);
    if (verify) files.authority = config.tls_ca;
    auto loaded = in("invalid TLS configuration", http::TlsServer::load(files));
    if (loaded && verify && files.authority.empty())
        return fail(ErrorKind::kInvalidArgument,
                    "invalid TLS configuration: --tlscacert is needed to verify clients");
    return loaded;
}

Result<> listen(http::Server& server, const Config& config, Tls tls) {
    for (const auto& host : config.hosts) {
        BERTH_CHECK(in("failed to load listeners", listen_on(server, config, host, tls)));
    }
    return {};
}

}  // namespace berth::daemon
