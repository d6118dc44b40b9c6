// Published ports that berth-netd carries on.
#include <sys/socket.h>

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/log.h"
#include "network/service.h"

namespace berth::network {
namespace {

std::string key_of(const Record& record, const PortBinding& port) {
    return fmt::format("{}{}/{}/{}/{}", kProxyKey, record.container, port.protocol, port.host_ip,
                       port.host_port);
}

// So far it only held the port.
Result<> open_up(int socket, bool stream) {
    if (stream && ::listen(socket, 1024) != 0) return fail_errno("listen");
    const int none = 0;
    if (!stream) ::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
    return {};
}

}  // namespace

bool Service::needs_proxy(const Record& record, const PortBinding& port) const {
    const auto ip = Ip::parse(port.host_ip);
    if (!ip || !can_proxy(port.protocol) || port.host_port == 0) return false;
    const auto& endpoints = record.sandbox.endpoints;
    return record.by_input || ip->v6 || !firewall(false) ||
           std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& endpoint) {
               return endpoint.endpoint_id == record.published_on && endpoint.ip_address.empty();
           });
}

Result<> Service::start_proxies(Attached& attached) {
    const auto& record = attached.record;
    std::string target;
    for (const auto& endpoint : record.sandbox.endpoints)
        if (endpoint.endpoint_id == record.published_on)
            target = endpoint.ip_address.empty() ? endpoint.ipv6_address : endpoint.ip_address;
    for (std::size_t i = 0; i < attached.ports.size(); ++i) {
        const auto& port = record.sandbox.ports[i];
        auto& socket = attached.ports[i].socket;
        if (!needs_proxy(record, port) || !socket) continue;
        BERTH_CHECK(open_up(socket.get(), port.protocol != "udp"));
        BERTH_CHECK(
            netd_.proxy(key_of(record, port), port.protocol, std::move(socket), target, port.container_port));
    }
    return {};
}

void Service::stop_proxies(const Record& record) {
    for (const auto& port : record.sandbox.ports)
        if (needs_proxy(record, port)) netd_.unproxy(key_of(record, port));
}

void Service::restore_proxies(Attached& attached) {
    const auto& record = attached.record;
    for (std::size_t i = 0; i < attached.ports.size(); ++i) {
        if (!needs_proxy(record, record.sandbox.ports[i]) ||
            netd_.serves(key_of(record, record.sandbox.ports[i])))
            continue;
        auto socket = HostPorts::bind_again(attached.ports[i]);
        if (socket)
            attached.ports[i].socket = std::move(*socket);
        else
            log::error("a published port has lost its proxy", {{"error", socket.error().message}});
    }
    if (auto proxied = start_proxies(attached); !proxied)
        log::error("a published port has lost its proxy",
                   {{"container", record.container}, {"error", proxied.error().message}});
}

bool Service::is_proxied(const Record& record, const PortBinding& port) {
    return needs_proxy(record, port) && netd_.serves(key_of(record, port));
}

}  // namespace berth::network
