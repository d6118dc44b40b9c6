#include "engine/container/etc_files.h"

#include <unistd.h>

#include "engine/base/files.h"

namespace berth::container {

namespace {

constexpr std::string_view kHosts =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

// "172.18.0.2\tname": one line for each address of an endpoint.
std::string own_lines(const Container& container, const network::Endpoint& endpoint) {
    std::string names = container.config.hostname, text;
    if (!container.config.domainname.empty()) names = names + "." + container.config.domainname + " " + names;
    for (const auto& address : {endpoint.ip_address, endpoint.ipv6_address})
        if (!address.empty()) text += address + "\t" + names + "\n";
    return text;
}

std::string hosts_text(const Container& container, const network::Sandbox& sandbox,
                       const std::string& host_gateway, const std::string& more) {
    std::string text;
    if (container.network == "host") {
        auto own = read_file("/etc/hosts");
        text = own ? *own : std::string(kHosts);
        if (!text.ends_with('\n')) text += '\n';
    } else {
        text = kHosts;
    }
    for (const auto& extra : container.host.extra_hosts) {
        auto split = extra.find('=');
        if (split == extra.npos) split = extra.find(':');
        std::string ip = extra.substr(split + 1);
        if (ip.starts_with('[')) ip = ip.substr(1, ip.size() - 2);
        text += (ip == "host-gateway" ? host_gateway : ip) + "\t" + extra.substr(0, split) + "\n";
    }
    text += more;
    for (const auto& endpoint : sandbox.endpoints) text += own_lines(container, endpoint);
    return text;
}

Result<std::string> resolv_conf_text(const Core& core, const Container& container,
                                     const network::Sandbox& sandbox) {
    auto resolver = network::Resolver::kServers;
    if (container.network == "host") resolver = network::Resolver::kHost;
    if (sandbox.resolver) resolver = network::Resolver::kEmbedded;
    return core.parts.networks.resolv_conf(resolver, container.host.dns, container.host.dns_search,
                                           container.host.dns_options);
}

void take_out(std::string& text, const std::string& lines) {
    if (lines.empty()) return;
    if (auto at = text.find(lines); at != text.npos) text.erase(at, lines.size());
}

}  // namespace

EtcFiles etc_files(const Core& core, const std::string& id) {
    std::string folder = core.store.folder(id);
    return {folder + "/hostname", folder + "/hosts", folder + "/resolv.conf"};
}

Result<> write_etc_files(const Core& core, const Container& container, const network::Sandbox& sandbox,
                         const std::string& more) {
    if (container.network.starts_with("container:")) return {};
    EtcFiles files = etc_files(core, container.id);
    std::string host_gateway;
    const auto& gateways = core.parts.config.host_gateways;
    if (!gateways.empty()) {
        host_gateway = gateways.front();
    } else if (auto bridge = core.parts.networks.inspect("bridge")) {
        for (const auto& pool : bridge->pools)
            if (!pool.v6()) host_gateway = pool.gateway;
    }
    BERTH_TRY(auto resolv_conf, resolv_conf_text(core, container, sandbox));
    // In place: containers that share its network have the same files mounted.
    BERTH_CHECK(write_file(files.hostname, container.config.hostname + "\n", 0644));
    BERTH_CHECK(write_file(files.hosts, hosts_text(container, sandbox, host_gateway, more), 0644));
    BERTH_CHECK(write_file(files.resolv_conf, resolv_conf, 0644));
    const Owner owner = core.parts.config.ids.root();
    for (const auto* path : {&files.hostname, &files.hosts, &files.resolv_conf})
        if (::chown(path->c_str(), owner.uid, owner.gid) != 0) return fail_errno("chown " + *path);
    return {};
}

Result<> update_etc_files(const Core& core, const Container& container, const network::Sandbox& before,
                          const network::Sandbox& after) {
    constexpr std::size_t kLimit = 1 << 20;  // the container may write what it likes
    EtcFiles files = etc_files(core, container.id);
    auto has = [](const network::Sandbox& sandbox, const network::Endpoint& wanted) {
        for (const auto& endpoint : sandbox.endpoints)
            if (endpoint.endpoint_id == wanted.endpoint_id) return true;
        return false;
    };
    BERTH_TRY(auto hosts, read_file(files.hosts, kLimit));
    for (const auto& endpoint : before.endpoints)
        if (!has(after, endpoint)) take_out(hosts, own_lines(container, endpoint));
    if (!hosts.empty() && !hosts.ends_with('\n')) hosts += '\n';
    for (const auto& endpoint : after.endpoints)
        if (!has(before, endpoint)) hosts += own_lines(container, endpoint);
    BERTH_CHECK(write_file(files.hosts, hosts, 0644));
    if (before.resolver == after.resolver) return {};
    BERTH_TRY(const auto old_text, resolv_conf_text(core, container, before));
    BERTH_TRY(const auto new_text, resolv_conf_text(core, container, after));
    BERTH_TRY(const auto there, read_file(files.resolv_conf, kLimit));
    if (there != old_text) return {};
    return write_file(files.resolv_conf, new_text, 0644);
}

}  // namespace berth::container
