#include "engine/daemon/service_settings.h"

#include <algorithm>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/confine/copy_tree.h"
#include "engine/confine/mount_at.h"
#include "engine/logs/log_driver.h"
#include "engine/plugins/plugin_call.h"
#include "engine/spec/container_spec.h"

namespace berth::daemon {

namespace {

// The text of the profile for containers that name none.
Result<std::string> default_seccomp(const std::string& profile) {
    if (profile == "builtin" || profile == "unconfined") return profile == "builtin" ? "" : profile;
    return in("opening seccomp profile (" + profile + ") failed", read_file(profile, 1 << 20));
}

}  // namespace

container::ContainerDefaults container_defaults(const Config& config, bool cgroup_v2) {
    container::ContainerDefaults out;
    for (const auto& [name, runtime] : config.runtimes)
        out.runtimes[name] = {runtime.path, runtime.arguments};
    out.runtime = config.default_runtime;
    out.ipc_mode = config.ipc_mode;
    out.cgroupns_mode = !config.cgroupns_mode.empty() ? config.cgroupns_mode : cgroup_v2 ? "private" : "host";
    out.shm_size = config.shm_size;
    return out;
}

Result<container::ContainerConfig> container_config(const Config& config, const std::string& own_init) {
    container::ContainerConfig out;
    out.data_root = config.data_root;
    out.ids = config.ids;
    out.state_root = config.exec_root;
    out.cgroup_parent = config.cgroup_parent;
    BERTH_CHECK(in("failed to set log opts", logs::check_log_options(config.log_driver, config.log_options)));
    out.default_log_driver = config.log_driver;
    out.default_log_options = config.log_options;
    out.init = config.init;
    out.init_path = config.init_path.empty() ? own_init : config.init_path;
    out.cgroup_v2 = spec::host_facts().cgroup_v2;
    out.no_new_privileges = config.no_new_privileges;
    BERTH_TRY(out.seccomp_profile, default_seccomp(config.seccomp_profile));
    for (const auto& [name, limit] : config.ulimits) out.ulimits.push_back(limit);
    out.host_gateways = config.host_gateway_ips;
    out.defaults = container_defaults(config, out.cgroup_v2);
    return out;
}

network::NetworkConfig network_config(const Config& config) {
    network::NetworkConfig out;
    if (!config.bridge.empty()) out.bridge = config.bridge;
    out.bip = config.bip;
    out.bip6 = config.bip6;
    out.fixed_cidr = config.fixed_cidr;
    out.fixed_cidr_v6 = config.fixed_cidr_v6;
    out.default_gateway = config.default_gateway;
    out.default_gateway_v6 = config.default_gateway_v6;
    out.default_options = config.network_options;
    out.address_pools = config.address_pools;
    out.mtu = config.mtu;
    out.firewall_backend = config.firewall_backend;
    out.iptables = config.iptables;
    out.ip6tables = config.ip6tables;
    out.ipv6 = config.ipv6;
    out.drop_forwarded = !config.ip_forward_no_drop;
    out.allow_direct_routing = config.allow_direct_routing;
    out.userland_proxy = config.userland_proxy;
    out.publish_to_loopback = config.publish_to_loopback;
    out.publish_by_input = config.publish_by_input;
    out.ip_forward = config.ip_forward;
    out.ip_masq = config.ip_masq;
    out.icc = config.icc;
    out.default_host_ip = config.default_host_ip;
    out.dns = config.dns;
    out.dns_search = config.dns_search;
    out.dns_options = config.dns_options;
    out.state_dir = config.exec_root;
    out.data_dir = config.data_root;
    return out;
}

registry::RegistrySettings registry_settings(const Config& config) {
    registry::RegistrySettings out;
    out.insecure = config.insecure_registries;
    out.mirrors = config.registry_mirrors;
    // Docker's place for certificates, and one beside our own configuration, which counts first.
    out.certificates = {config.config_file.substr(0, config.config_file.rfind('/')) + "/certs.d",
                        "/etc/docker/certs.d"};
    out.proxies = http::ProxySettings::from_environment();
    const auto take = [](std::string& setting, const std::string& configured) {
        if (!configured.empty()) setting = configured;
    };
    take(out.proxies.http, config.proxies.http);
    take(out.proxies.https, config.proxies.https);
    take(out.proxies.exclude, config.proxies.none);
    constexpr int kAnyNumber = 1000;
    out.downloads = config.max_downloads > 0 ? config.max_downloads : kAnyNumber;
    out.uploads = config.max_uploads > 0 ? config.max_uploads : kAnyNumber;
    out.attempts = config.max_download_attempts;
    // For tests, which cannot wait for a registry that stalls.
    const char* patience = std::getenv("BERTH_REGISTRY_PATIENCE_MS");
    if (patience != nullptr && std::atoi(patience) > 0)
        out.patience = std::chrono::milliseconds(std::atoi(patience));
    return out;
}

plugins::PluginFolders plugin_folders(const Config& config) {
    plugins::PluginFolders out;
    out.sockets.insert(out.sockets.begin(), config.exec_root + "/plugins");
    const std::string settings = config.config_file.substr(0, config.config_file.rfind('/'));
    out.specs.insert(out.specs.begin(), settings + "/plugins");
    return out;
}

volumes::VolumeConfig volume_config(IoContext& io, const Config& config, const std::string& helper_path) {
    auto copy = [helper = confine::HelperOptions{.path = helper_path}](int source_fd,
                                                                       int target_fd) -> Result<> {
        BERTH_CHECK(confine::copy_tree(helper, source_fd, target_fd));
        return {};
    };
    // A server that is there answers sooner; one that is not must not keep a start for ever.
    constexpr std::chrono::seconds kMountDeadline{60};
    auto mount = [helper = confine::HelperOptions{.path = helper_path, .stall = kMountDeadline}](
                     const sys::Mount& mount, bool loop) { return confine::mount_at(helper, mount, loop); };
    return {config.data_root + "/volumes", std::move(copy),  std::move(mount), plugin_folders(config),
            plugins::make_plugin_call(io), config.ids.root()};
}

}  // namespace berth::daemon
