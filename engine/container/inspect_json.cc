#include "engine/container/inspect_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/container/etc_files.h"
#include "engine/container/health.h"
#include "engine/container/links.h"
#include "engine/container/networking.h"
#include "engine/container/ports.h"
#include "engine/container/references.h"
#include "engine/container/scaffold.h"
#include "engine/container/security_options.h"

namespace berth::container {

using nlohmann::json;

namespace {

json or_null(const std::vector<std::string>& list) {
    return list.empty() ? json() : json(list);
}

json state_json(const State& state) {
    json out = {{"Status", status_text(state.status)},
                {"Running", state.live() || state.status == Status::kRestarting},
                {"Paused", state.status == Status::kPaused},
                {"Restarting", state.status == Status::kRestarting},
                {"OOMKilled", state.oom_killed},
                {"Dead", state.status == Status::kDead},
                {"Pid", state.pid},
                {"ExitCode", state.exit_code},
                {"Error", state.error},
                {"StartedAt", format_rfc3339_nano(state.started_at)},
                {"FinishedAt", format_rfc3339_nano(state.finished_at)}};
    if (state.health) out["Health"] = health_json(*state.health);
    return out;
}

json ipam_json(const std::optional<types::EndpointIpam>& ipam) {
    if (!ipam) return nullptr;
    json out = json::object();
    if (!ipam->ipv4_address.empty()) out["IPv4Address"] = ipam->ipv4_address;
    if (!ipam->ipv6_address.empty()) out["IPv6Address"] = ipam->ipv6_address;
    if (!ipam->link_local_ips.empty()) out["LinkLocalIPs"] = ipam->link_local_ips;
    return out;
}

json endpoint_json(const types::EndpointRequest& request, const std::string& network_id,
                   const std::vector<std::string>& names, const network::Endpoint* endpoint) {
    static const network::Endpoint kNone;
    const network::Endpoint& e = endpoint ? *endpoint : kNone;
    return {{"IPAMConfig", ipam_json(request.ipam)},
            {"Links", or_null(request.links)},
            {"Aliases", or_null(request.aliases)},
            {"MacAddress", endpoint ? e.mac_address : request.mac_address},
            {"DriverOpts", request.driver_opts.empty() ? json() : json(request.driver_opts)},
            {"GwPriority", request.gw_priority},
            {"NetworkID", endpoint ? e.network_id : network_id},
            {"EndpointID", e.endpoint_id},
            {"Gateway", e.gateway},
            {"IPAddress", e.ip_address},
            {"IPPrefixLen", e.prefix_length},
            {"IPv6Gateway", e.ipv6_gateway},
            {"GlobalIPv6Address", e.ipv6_address},
            {"GlobalIPv6PrefixLen", e.ipv6_prefix_length},
            {"DNSNames", or_null(names)}};
}

json ports_json(const Container& container, const std::optional<network::Sandbox>& sandbox) {
    json ports = json::object();
    if (!sandbox) return ports;
    for (const auto& exposed : container.config.exposed_ports) ports[exposed] = nullptr;
    for (const auto& port : sandbox->ports) {
        json& list = ports[std::to_string(port.container_port) + "/" + port.protocol];
        if (list.is_null()) list = json::array();
        list.push_back({{"HostIp", port.host_ip},
                        {"HostPort", port.host_port == 0 ? "" : std::to_string(port.host_port)}});
    }
    return ports;
}

json network_settings(const Core& core, const Container& container,
                      const std::optional<network::Sandbox>& sandbox) {
    const network::Endpoint* bridge = nullptr;
    if (sandbox) {
        for (const auto& endpoint : sandbox->endpoints) {
            if (endpoint.network_name == "bridge") bridge = &endpoint;
        }
    }
    static const network::Endpoint kNone;
    const network::Endpoint& e = bridge ? *bridge : kNone;
    return {{"Bridge", ""},
            {"SandboxID", sandbox ? sandbox->id : ""},
            {"SandboxKey", sandbox ? sandbox->key : ""},
            {"Ports", ports_json(container, sandbox)},
            {"HairpinMode", false},
            {"LinkLocalIPv6Address", ""},
            {"LinkLocalIPv6PrefixLen", 0},
            {"SecondaryIPAddresses", nullptr},
            {"SecondaryIPv6Addresses", nullptr},
            {"EndpointID", e.endpoint_id},
            {"Gateway", e.gateway},
            {"GlobalIPv6Address", e.ipv6_address},
            {"GlobalIPv6PrefixLen", e.ipv6_prefix_length},
            {"IPAddress", e.ip_address},
            {"IPPrefixLen", e.prefix_length},
            {"IPv6Gateway", e.ipv6_gateway},
            {"MacAddress", e.mac_address},
            {"Networks", networks_json(core, container, sandbox)}};
}

json host_json(const Core& core, const Container& container) {
    static const json kMasked = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
                                 "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                 "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                 "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
    static const json kReadonly = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    json host = types::to_json(container.host);
    host["Links"] = or_null(shown_links(core.store, container));
    if (!container.host.privileged) {
        if (!container.host.masked_paths) host["MaskedPaths"] = kMasked;
        if (!container.host.readonly_paths) host["ReadonlyPaths"] = kReadonly;
    }
    return host;
}

}  // namespace

json networks_json(const Core& core, const Container& container,
                   const std::optional<network::Sandbox>& sandbox) {
    json networks = json::object();
    for (const auto& [name, request] : container.endpoints) {
        const network::Endpoint* own = nullptr;
        if (sandbox) {
            for (const auto& endpoint : sandbox->endpoints)
                if (endpoint.network_name == name) own = &endpoint;
        }
        // What has run before keeps the network's ID: compose compares it.
        std::string id;
        if (!own && container.state.started_at != kNever) {
            if (auto network = core.parts.networks.inspect(name)) id = network->id;
        }
        std::vector<std::string> names;
        bool ran = own || container.state.started_at != kNever;
        if (ran && is_user_network(name)) names = names_in_network(container, request);
        networks[name] = endpoint_json(request, id, names, own);
    }
    return networks;
}

json listed_networks_json(const Core& core, const Container& container,
                          const std::optional<network::Sandbox>& sandbox) {
    json networks = networks_json(core, container, sandbox);
    for (auto& network : networks) network["Aliases"] = network["DNSNames"] = network["Links"] = nullptr;
    return networks;
}

json mounts_json(const Container& container) {
    json mounts = json::array();
    for (const auto& mount : container.mounts) {
        // --tmpfs is shown in HostConfig alone, as Docker does.
        if (mount.type == "tmpfs" && container.host.tmpfs.contains(mount.destination)) continue;
        json out = {{"Type", mount.type}, {"Source", mount.source}, {"Destination", mount.destination},
                    {"Mode", mount.mode}, {"RW", mount.read_write}, {"Propagation", mount.propagation}};
        if (mount.type == "volume") {
            out["Name"] = mount.name;
            out["Driver"] = mount.driver;
        } else if (mount.type == "image") {
            out["Name"] = mount.name;
        }
        mounts.push_back(std::move(out));
    }
    return mounts;
}

namespace {

// The layers as overlay has them. Nothing is mounted at MergedDir: a container's root is in its own mount
// namespace alone.
json layers_json(const Core& core, const Container& container) {
    auto mount = root_mount(core, container.id);
    if (!mount) return nullptr;
    json data = {{"ID", container.id}};
    std::string upper = mount->source;
    for (const auto& option : mount->options) {
        if (option.starts_with("lowerdir=")) data["LowerDir"] = option.substr(9);
        if (option.starts_with("upperdir=")) upper = option.substr(9);
        if (option.starts_with("workdir=")) data["WorkDir"] = option.substr(8);
    }
    data["UpperDir"] = upper;
    data["MergedDir"] = upper.substr(0, upper.rfind('/')) + "/merged";
    return data;
}

// What a client of before API 1.45 finds a container by.
void add_names_to_aliases(const Container& container, json& networks) {
    for (auto& [name, endpoint] : networks.items()) {
        if (!is_user_network(name)) continue;
        json& aliases = endpoint["Aliases"];
        if (aliases.is_null()) aliases = json::array();
        for (const std::string& alias : {std::string(short_id(container.id)), container.config.hostname}) {
            if (std::find(aliases.begin(), aliases.end(), alias) == aliases.end()) aliases.push_back(alias);
        }
    }
}

json config_json(const Container& container) {
    json config = types::to_json(container.config);
    auto own = container.endpoints.find(container.network);
    bool shown = container.network == "bridge" || is_user_network(container.network);
    if (shown && own != container.endpoints.end() && !own->second.mac_address.empty())
        config["MacAddress"] = own->second.mac_address;
    return config;
}

std::string apparmor_profile(const Container& container) {
    auto security = parse_security_options(container.host.security_opt);
    return security ? security->apparmor : std::string();
}

}  // namespace

json inspect_json(const Core& core, const Container& container,
                  const std::optional<network::Sandbox>& sandbox, const InspectOptions& options) {
    const std::string joined = joined_ref(container.network);
    EtcFiles files = etc_files(core, joined.empty() ? container.id : joined);
    // A start that failed has made them as well.
    bool started = container.state.exit_code != 0 || container.state.started_at != kNever;
    started = started && exists(files.hostname);
    json out = {
        {"Id", container.id},
        {"Created", format_rfc3339_nano(container.created_at)},
        {"Path", container.path},
        {"Args", container.args},
        {"State", state_json(container.state)},
        {"Image", container.image_id},
        {"ResolvConfPath", started ? files.resolv_conf : ""},
        {"HostnamePath", started ? files.hostname : ""},
        {"HostsPath", started ? files.hosts : ""},
        {"LogPath", started && container.host.log_config.type == "json-file" ? core.log_path(container) : ""},
        {"Name", "/" + container.name},
        {"RestartCount", container.state.restart_count},
        {"Driver", "overlayfs"},
        {"Platform", container.os},
        {"MountLabel", ""},
        {"ProcessLabel", ""},
        {"AppArmorProfile", apparmor_profile(container)},
        {"ExecIDs", nullptr},
        {"HostConfig", host_json(core, container)},
        {"GraphDriver", {{"Name", "overlayfs"}, {"Data", layers_json(core, container)}}},
        {"Mounts", mounts_json(container)},
        {"Config", config_json(container)},
        {"NetworkSettings", network_settings(core, container, sandbox)}};
    if (options.names_as_aliases) add_names_to_aliases(container, out["NetworkSettings"]["Networks"]);
    return out;
}

}  // namespace berth::container
