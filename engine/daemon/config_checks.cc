#include "engine/daemon/config_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/daemon/option_values.h"

namespace berth::daemon {

namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

std::string trim(const std::string& text) {
    auto first = text.find_first_not_of(" \t");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "native.cgroupdriver=systemd"
struct ExecOption {
    std::string name, value;
};
Result<ExecOption> parse_exec_option(const std::string& text) {
    auto equals = text.find('=');
    ExecOption out{lower(trim(text.substr(0, equals))),
                   equals == std::string::npos ? "" : trim(text.substr(equals + 1))};
    auto wrong = [&](const std::string& why) {
        return invalid(fmt::format("invalid exec-opt ({}): {}", text, why));
    };
    if (out.name.empty() || out.value.empty()) return wrong("must be formatted 'opt=value'");
    if (out.name == "isolation") return wrong("option 'isolation' is only supported on windows");
    if (out.name != "native.cgroupdriver") return wrong(fmt::format("unknown option: '{}'", out.name));
    return out;
}

Result<> check_each(const Strings& values, Result<std::string> (*check)(const std::string&)) {
    for (const auto& value : values) BERTH_CHECK(check(value));
    return {};
}

Result<> check_host_gateways(const Strings& addresses) {
    int v4 = 0, v6 = 0;
    for (const auto& address : addresses) {
        BERTH_CHECK(check_gateway_ip(address));
        ++(is_ipv4(address) ? v4 : v6);
    }
    if (v4 > 1) return invalid("only one IPv4 host gateway IP address can be specified");
    if (v6 > 1) return invalid("only one IPv6 host gateway IP address can be specified");
    return {};
}

Result<> check_numbers(const Config& config) {
    if (config.mtu < 0) return invalid(fmt::format("invalid default MTU: {}", config.mtu));
    if (config.max_downloads < 0)
        return invalid(fmt::format("invalid max concurrent downloads: {}", config.max_downloads));
    if (config.max_uploads < 0)
        return invalid(fmt::format("invalid max concurrent uploads: {}", config.max_uploads));
    if (config.max_download_attempts < 0)
        return invalid(fmt::format("invalid max download attempts: {}", config.max_download_attempts));
    if (config.diagnostic_port < 0 || config.diagnostic_port > 65535)
        return invalid(fmt::format("invalid network-diagnostic-port ({}): value must be between 0 and 65535",
                                   config.diagnostic_port));
    return {};
}

Result<> check_fixed_cidr6(const std::string& text) {
    if (text.empty()) return {};
    auto slash = text.find('/');
    constexpr const char* kName = "invalid fixed-cidr-v6: invalid fixed-cidr-v6: ";
    if (slash == std::string::npos)
        return invalid(fmt::format("{}netip.ParsePrefix(\"{}\"): no '/'", kName, text));
    const bool length = parse_integer(text.substr(slash + 1), 0, 128).has_value();
    if (length && is_ipv6(text.substr(0, slash))) return {};
    if (length && is_ipv4(text.substr(0, slash)))
        return invalid(fmt::format("{}'{}' is not a valid IPv6 subnet", kName, text));
    return invalid(fmt::format("{}netip.ParsePrefix(\"{}\"): unable to parse IP", kName, text));
}

Result<> check_modes(const Config& config) {
    const std::string& ipc = config.ipc_mode;
    const bool known = ipc.empty() || ipc == "private" || ipc == "shareable" || ipc == "host" ||
                       ipc == "none" || (ipc.starts_with("container:") && ipc.size() > 10);
    constexpr const char* kHint = "use \"shareable\" or \"private\"";
    if (!known) return invalid(fmt::format("default IPC mode setting ({}) is invalid; {}", ipc, kHint));
    if (!ipc.empty() && ipc != "private" && ipc != "shareable")
        return invalid(fmt::format("IPC mode \"{}\" is not supported as default value; {}", ipc, kHint));
    BERTH_CHECK(check_fixed_cidr6(config.fixed_cidr_v6));
    if (config.firewall_backend != "iptables" && config.firewall_backend != "nftables")
        return invalid(fmt::format("invalid firewall-backend \"{}\"", config.firewall_backend));
    if (config.publish_by_input && !config.userland_proxy)
        return invalid("publish-by-input needs the userland proxy, which userland-proxy=false switches off");
    const std::string& cgroupns = config.cgroupns_mode;
    if (!cgroupns.empty() && cgroupns != "host" && cgroupns != "private")
        return invalid(
            fmt::format("invalid default cgroup namespace ({}): use \"host\" or \"private\"", cgroupns));
    return {};
}

Result<> check_generic_resources(const Strings& resources) {
    for (const auto& term : resources) {
        auto equals = term.find('=');
        const bool good = equals != std::string::npos && equals > 0 && equals + 1 < term.size() &&
                          term.find('=', equals + 1) == std::string::npos &&
                          term.find(',') == std::string::npos;
        if (!good)
            return invalid(
                fmt::format("could not parse GenericResource: incorrect term {}, missing '=' or malformed "
                            "expression",
                            term));
    }
    return {};
}

Failure unsupported(const std::string& what) {
    return fail(ErrorKind::kNotImplemented, what + " is not supported");
}

Result<> refuse_values(const Config& config) {
    const std::string driver = config.storage_driver;
    if (!driver.empty() && driver != "overlay2" && driver != "overlayfs")
        return unsupported(fmt::format("storage-driver \"{}\"", driver));
    for (const auto& text : config.exec_options) {
        BERTH_TRY(auto option, parse_exec_option(text));
        if (option.value != "cgroupfs") return unsupported("exec-opt " + text);
    }
    for (const auto& dir : config.cdi_dirs) {
        if (!dir.empty() && dir != "/etc/cdi" && dir != "/var/run/cdi")
            return unsupported("cdi-spec-dir " + dir);
    }
    for (const auto& [name, runtime] : config.runtimes) {
        if (!runtime.type.empty())
            return unsupported(fmt::format("runtime {}: runtimeType {}", name, runtime.type));
    }
    if (auto store = config.features.find("containerd-snapshotter");
        store != config.features.end() && !store->second)
        return unsupported("feature containerd-snapshotter=false");
    for (const auto& host : config.hosts) {
        if (host.starts_with("npipe://")) return unsupported("host " + host);
    }
    return {};
}

}  // namespace

Result<> validate(const Config& config) {
    static const std::string kLevels[] = {"panic", "fatal", "error", "warn", "info", "debug", "trace"};
    const std::string level = lower(config.log_level);
    if (!level.empty() && std::find(std::begin(kLevels), std::end(kLevels), level) == std::end(kLevels))
        return invalid("invalid logging level: " + config.log_level);
    if (!config.log_format.empty() && config.log_format != "text" && config.log_format != "json")
        return invalid("invalid log format: " + config.log_format);
    BERTH_CHECK(check_each(config.dns_search, check_dns_search));
    BERTH_CHECK(check_host_gateways(config.host_gateway_ips));
    BERTH_CHECK(check_each(config.labels, check_label));
    BERTH_CHECK(check_numbers(config));
    BERTH_CHECK(check_generic_resources(config.generic_resources));
    BERTH_CHECK(check_each(config.hosts, check_host));
    BERTH_CHECK(check_each(config.registry_mirrors, check_mirror));
    if (!config.cors_headers.empty())
        return invalid(
            "DEPRECATED: The \"api-cors-header\" config parameter and the dockerd \"--api-cors-header\" "
            "option have been removed; use a reverse proxy if you need CORS headers");
    for (const auto& option : config.exec_options) BERTH_CHECK(parse_exec_option(option));
    return check_modes(config);
}

Result<> unite_labels(Strings& labels) {
    StringMap values;
    for (const auto& label : labels) {
        auto equals = label.find('=');
        if (equals == std::string::npos) continue;  // as in Docker: not one
        const std::string name = label.substr(0, equals), value = label.substr(equals + 1);
        auto [known, added] = values.emplace(name, value);
        if (!added && known->second != value)
            return invalid(
                fmt::format("conflict labels for {}={} and {}={}", name, value, name, known->second));
    }
    labels.clear();
    for (const auto& [name, value] : values) labels.push_back(name + "=" + value);
    return {};
}

Result<> check_combinations(const Config& config) {
    const auto store = config.features.find("containerd-snapshotter");
    if (!config.userns_remap.empty() && store != config.features.end() && store->second)
        return invalid(
            "containerd-snapshotter is explicitly enabled, but is not compatible with userns remapping. "
            "Please "
            "disable userns remapping or containerd-snapshotter");
    if (config.containerd_namespace == config.containerd_plugins_namespace)
        return invalid("containers namespace and plugins namespace cannot be the same");
    if (!config.bridge.empty() && !config.bip.empty())
        return invalid("You specified -b & --bip, mutually exclusive options. Please specify only one");
    if (!config.bridge.empty() && !config.bip6.empty())
        return invalid("You specified -b & --bip6, mutually exclusive options. Please specify only one");
    if (!config.iptables && !config.icc)
        return invalid(
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please "
            "set --icc or --iptables to true");
    if (config.runtimes.contains("runc")) return invalid("runtime name 'runc' is reserved");
    for (const auto& [name, runtime] : config.runtimes) {
        auto wrong = [&](const char* why) { return invalid(fmt::format("runtime {}: {}", name, why)); };
        if (runtime.path.empty() && runtime.type.empty())
            return wrong("either a runtimeType or a path must be configured");
        if (!runtime.path.empty() && !runtime.type.empty())
            return wrong("cannot configure both path and runtimeType for the same runtime");
        if (!runtime.path.empty() && !runtime.options.empty())
            return wrong("options cannot be used with a path runtime");
    }
    const std::string& runtime = config.default_runtime;
    if (runtime != "runc" && runtime != "io.containerd.runc.v2" && !config.runtimes.contains(runtime))
        return invalid(fmt::format("specified default runtime '{}' does not exist", runtime));
    for (const auto* path : {&config.data_root, &config.exec_root}) {
        if (!path->starts_with('/')) return invalid("path must be absolute: \"" + *path + "\"");
    }
    if (("/" + config.cgroup_parent + "/").find("/../") != std::string::npos)
        return invalid("invalid cgroup parent: " + config.cgroup_parent);
    return {};
}

Result<> refuse_unsupported(const Config& config) {
    const std::pair<const char*, bool> kRefused[] = {
        {"cpu-rt-period", config.cpu_rt_period != 0},
        {"cpu-rt-runtime", config.cpu_rt_runtime != 0},
        {"cri-containerd", config.cri},
        {"experimental", config.experimental},
        {"metrics-addr", !config.metrics_address.empty()},
        {"network-control-plane-mtu", config.control_plane_mtu != 1500},
        {"network-diagnostic-port", config.diagnostic_port != 0},
        {"node-generic-resource", !config.generic_resources.empty()},
        {"rootless", config.rootless},
        {"selinux-enabled", config.selinux},
        {"storage-opt", !config.storage_options.empty()},
        {"swarm-default-advertise-addr", !config.swarm_advertise_address.empty()},
        {"userland-proxy-path", !config.userland_proxy_path.empty()},
    };
    for (const auto& [name, wanted] : kRefused) {
        if (wanted) return unsupported(name);
    }
    return refuse_values(config);
}

Strings remarks(const Config& config) {
    Strings out;
    if (!config.containerd.empty())
        out.emplace_back("there is no containerd: the setting containerd is without effect");
    if (config.containerd_namespace != "moby" || config.containerd_plugins_namespace != "plugins.moby")
        out.emplace_back("there is no containerd: its namespaces are without effect");
    if (!config.builder.empty())
        out.emplace_back("there is no builder yet: the setting builder is without effect");
    for (const auto& [name, on] : config.features) {
        if (name == "containerd-snapshotter") continue;
        out.push_back(fmt::format("feature {}={} is without effect", name, on));
    }
    if (config.file_keys.contains("deprecated-key-path"))
        out.emplace_back("the setting deprecated-key-path is without effect");
    return out;
}

}  // namespace berth::daemon
