#include "network/ports/host_ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "network/ipam/check.h"

namespace berth::network {
namespace {

constexpr int kAttempts = 10;  // ports of a range tried when processes of the host hold them

struct Range {
    std::uint16_t first, last;
};

Range local_range() {
    unsigned first = 0, last = 0;
    auto text = read_file("/proc/sys/net/ipv4/ip_local_port_range");
    if (!text || std::sscanf(text->c_str(), "%u %u", &first, &last) != 2 || first == 0 || last < first ||
        last > 65535)
        return {49153, 65535};
    return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
}

std::string bracketed(const Ip& ip) {
    return ip.v6 ? "[" + ip.text() + "]" : ip.text();
}

std::string describe(const HostPortRequest& request) {
    const auto ports = request.first == request.last ? fmt::to_string(request.first)
                                                     : fmt::format("{}-{}", request.first, request.last);
    return fmt::format("{}:{}:{}:{}/{}", bracketed(request.host_ip), ports, bracketed(request.container_ip),
                       request.container_port, request.protocol);
}

// Nothing that arrives here is wanted: UDP that no rule takes must not fill the buffer.
void drop_everything(int socket) {
    sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{.len = 1, .filter = &drop};
    ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

Result<UniqueFd> bind_port(const HostPortRequest& request, std::uint16_t port) {
    const bool stream = request.protocol != "udp", sctp = request.protocol == "sctp";
    const auto& ip = request.host_ip;
    UniqueFd fd(::socket(ip.v6 ? AF_INET6 : AF_INET, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC,
                         sctp ? IPPROTO_SCTP : 0));
    // Without SCTP no process of the host can have the port; to lead it on the kernel needs none.
    if (!fd && sctp && errno == EPROTONOSUPPORT) return fd;
    if (!fd) return fail_errno("create socket");
    const int on = 1;
    if (ip.v6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    // Over connections of an earlier owner in TIME_WAIT.
    if (stream)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    else
        drop_everything(fd.get());
    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port)};
    sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const auto bytes = ip.bytes();
    std::memcpy(ip.v6 ? static_cast<void*>(&v6.sin6_addr) : &v4.sin_addr, bytes.data(), bytes.size());
    const auto* address =
        ip.v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
    const socklen_t size = ip.v6 ? sizeof v6 : sizeof v4;
    // With SO_REUSEADDR only listening collides with another address of the same port; SCTP takes no backlog
    // of 0.
    if (::bind(fd.get(), address, size) != 0 || (stream && ::listen(fd.get(), sctp ? 1 : 0) != 0)) {
        const int error = errno;
        const auto which = request.first == request.last ? std::string("port") : fmt::format("port {}", port);
        return Failure(Error{ErrorKind::kInternal,
                             fmt::format("failed to bind host {} for {}: {}", which, describe(request),
                                         errno_text({ErrorKind::kInternal, "", error})),
                             error});
    }
    return fd;
}

}  // namespace

bool host_has_sctp() {
    return static_cast<bool>(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP)));
}

bool HostPorts::taken(const HostPortRequest& request, std::uint16_t port) const {
    const auto protocol = taken_.find(request.protocol);
    if (protocol == taken_.end()) return false;
    for (const auto& [ip, ports] : protocol->second) {
        const bool meets = ip.v6 == request.host_ip.v6 &&
                           (ip == request.host_ip || ip.unspecified() || request.host_ip.unspecified());
        if (meets && ports.count(port)) return true;
    }
    return false;
}

Result<std::uint16_t> HostPorts::choose(const HostPortRequest& request) {
    const std::lock_guard lock(mutex_);
    auto& ours = taken_[request.protocol][request.host_ip];
    if (request.first != 0 && request.first == request.last) {
        if (!taken(request, request.first)) return *ours.insert(request.first).first;
        // Docker names the address that has it: of the requested one or of 0.0.0.0.
        const Ip owner = ours.count(request.first) ? request.host_ip : Ip{request.host_ip.v6, 0};
        return fail(ErrorKind::kInternal, fmt::format("Bind for {}:{} failed: port is already allocated",
                                                      bracketed(owner), request.first));
    }
    const Range range = request.first ? Range{request.first, request.last} : local_range();
    auto& last = last_
                     .try_emplace(fmt::format("{}/{}/{}-{}", request.protocol, request.host_ip.text(),
                                              range.first, range.last),
                                  range.last)
                     .first->second;
    for (unsigned tried = range.first; tried <= range.last; ++tried) {
        last = last >= range.last ? range.first : static_cast<std::uint16_t>(last + 1);
        if (!taken(request, last)) return *ours.insert(last).first;
    }
    return fail(ErrorKind::kInternal, "all ports are allocated");
}

void HostPorts::free(const HostPortRequest& request, std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    auto& addresses = taken_[request.protocol];
    const auto ours = addresses.find(request.host_ip);
    if (ours == addresses.end()) return;
    ours->second.erase(port);
    if (ours->second.empty()) addresses.erase(ours);
}

Result<HostPort> HostPorts::reserve(const HostPortRequest& request) {
    const bool exact = request.first != 0 && request.first == request.last;
    for (int attempt = 1;; ++attempt) {
        BERTH_TRY(const std::uint16_t port, choose(request));
        auto socket = bind_port(request, port);
        if (socket) return HostPort{request.host_ip, request.protocol, port, std::move(*socket)};
        free(request, port);
        if (exact || attempt == kAttempts) return Failure(std::move(socket.error()));
    }
}

HostPort HostPorts::adopt(const HostPortRequest& request, bool bind) {
    {
        const std::lock_guard lock(mutex_);
        taken_[request.protocol][request.host_ip].insert(request.first);
    }
    HostPort port{request.host_ip, request.protocol, request.first, {}};
    if (!bind) return port;
    if (auto socket = bind_port(request, request.first))
        port.socket = std::move(*socket);
    else
        log::warning("published port is bound by another process", {{"error", socket.error().message}});
    return port;
}

Result<UniqueFd> HostPorts::bind_again(const HostPort& port) {
    return bind_port(
        {.host_ip = port.host_ip, .protocol = port.protocol, .first = port.port, .last = port.port},
        port.port);
}

void HostPorts::release(const HostPort& port) {
    free({.host_ip = port.host_ip, .protocol = port.protocol, .first = port.port, .last = port.port},
         port.port);
}

}  // namespace berth::network
