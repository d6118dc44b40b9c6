#include "engine/container/etc_files.h"

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

std::string hosts_text(const Container& container, const std::string& address,
                       const std::string& host_gateway) {
    std::string text;
    if (container.network == "host") {
        auto own = read_file("/etc/hosts");
        text = own ? *own : std::string(kHosts);
        if (!text.ends_with('\n')) text += '\n';
    } else {
        text = kHosts;
    }
    for (const auto& extra : container.host.extra_hosts) {
        auto colon = extra.find_first_of(":=");
        std::string ip = extra.substr(colon + 1);
        text += (ip == "host-gateway" ? host_gateway : ip) + "\t" + extra.substr(0, colon) + "\n";
    }
    if (!address.empty()) {
        std::string names = container.config.hostname;
        if (!container.config.domainname.empty())
            names = names + "." + container.config.domainname + " " + names;
        text += address + "\t" + names + "\n";
    }
    return text;
}

}  // namespace

EtcFiles etc_files(const Core& core, const std::string& id) {
    std::string folder = core.store.folder(id);
    return {folder + "/hostname", folder + "/hosts", folder + "/resolv.conf"};
}

Result<> write_etc_files(const Core& core, const Container& container, const std::string& address) {
    if (container.network.starts_with("container:")) return {};
    EtcFiles files = etc_files(core, container.id);
    const std::string mode = container.network == "default" ? "bridge" : container.network;
    auto& networks = core.parts.networks;
    std::string host_gateway;
    if (auto bridge = networks.inspect("bridge")) host_gateway = bridge->gateway;
    BERTH_TRY(auto resolv_conf, networks.resolv_conf(mode, container.host.dns, container.host.dns_search,
                                                     container.host.dns_options));
    BERTH_CHECK(replace_file(files.hostname, container.config.hostname + "\n", 0644, Sync::kNone));
    BERTH_CHECK(replace_file(files.hosts, hosts_text(container, address, host_gateway), 0644, Sync::kNone));
    return replace_file(files.resolv_conf, resolv_conf, 0644, Sync::kNone);
}

}  // namespace berth::container
