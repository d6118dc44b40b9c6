#include "engine/daemon/options.h"

#include <fmt/format.h>

#include <charconv>

namespace berth::daemon {

namespace {

constexpr Unsupported kValue{true};
constexpr Unsupported kSwitch{false};

const Option kOptions[] = {
    {"bip", 0, "bip", &Config::bip, "IPv4 address for the default bridge"},
    {"bridge", 'b', "bridge", &Config::bridge, "Attach containers to a network bridge"},
    {"cgroup-parent", 0, "cgroup-parent", &Config::cgroup_parent, "Set parent cgroup for all containers"},
    {"config-file", 0, "", &Config::config_file, "Daemon configuration file"},
    {"data-root", 0, "data-root", &Config::data_root, "Root directory of persistent state"},
    {"debug", 'D', "debug", &Config::debug, "Enable debug mode"},
    {"default-address-pool", 0, "default-address-pools", &Config::address_pools,
     "Default address pools for networks"},
    {"dns", 0, "dns", &Config::dns, "DNS server to use"},
    {"dns-opt", 0, "dns-opts", &Config::dns_options, "DNS options to use"},
    {"dns-search", 0, "dns-search", &Config::dns_search, "DNS search domains to use"},
    {"exec-root", 0, "exec-root", &Config::exec_root, "Root directory for execution state files"},
    {"group", 'G', "group", &Config::group, "Group for the unix socket"},
    {"help", 0, "", &Config::show_help, "Print usage"},
    {"host", 'H', "hosts", &Config::hosts, "Daemon socket(s) to listen on"},
    {"icc", 0, "icc", &Config::icc, "Enable inter-container communication for the default bridge network"},
    {"insecure-registry", 0, "insecure-registries", &Config::insecure_registries,
     "Enable insecure registry communication"},
    {"ip", 0, "ip", &Config::default_host_ip, "Host IP for port publishing from the default bridge network"},
    {"ip-forward", 0, "ip-forward", &Config::ip_forward, "Enable IP forwarding in system configuration"},
    {"ip-masq", 0, "ip-masq", &Config::ip_masq, "Enable IP masquerading for the default bridge network"},
    {"iptables", 0, "iptables", &Config::iptables, "Enable addition of iptables rules"},
    {"label", 0, "labels", &Config::labels, "Set key=value labels to the daemon"},
    {"live-restore", 0, "live-restore", &Config::live_restore,
     "Keep containers running while the daemon is down"},
    {"log-driver", 0, "log-driver", &Config::log_driver, "Default driver for container logs"},
    {"log-format", 0, "log-format", &Config::log_format, "Set the logging format (\"text\"|\"json\")"},
    {"log-level", 'l', "log-level", &Config::log_level,
     "Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\"|\"fatal\")"},
    {"log-opt", 0, "log-opts", &Config::log_options, "Default log driver options for containers"},
    {"mtu", 0, "mtu", &Config::mtu, "Set the MTU for the default bridge network"},
    {"pidfile", 'p', "pidfile", &Config::pidfile, "Path to use for daemon PID file"},
    {"shutdown-timeout", 0, "shutdown-timeout", &Config::shutdown_timeout,
     "Seconds to wait for containers at shutdown"},
    {"validate", 0, "", &Config::validate, "Validate daemon configuration and exit"},
    {"version", 'v', "", &Config::show_version, "Print version information and quit"},

    {"add-runtime", 0, "runtimes", kValue, ""},
    {"allow-direct-routing", 0, "allow-direct-routing", kSwitch, ""},
    {"authorization-plugin", 0, "authorization-plugins", kValue, ""},
    {"bip6", 0, "bip6", kValue, ""},
    {"cdi-spec-dir", 0, "cdi-spec-dirs", kValue, ""},
    {"containerd", 0, "containerd", kValue, ""},
    {"containerd-namespace", 0, "containerd-namespace", kValue, ""},
    {"containerd-plugins-namespace", 0, "containerd-plugin-namespace", kValue, ""},
    {"cpu-rt-period", 0, "cpu-rt-period", kValue, ""},
    {"cpu-rt-runtime", 0, "cpu-rt-runtime", kValue, ""},
    {"cri-containerd", 0, "cri-containerd", kSwitch, ""},
    {"default-cgroupns-mode", 0, "default-cgroupns-mode", kValue, ""},
    {"default-gateway", 0, "default-gateway", kValue, ""},
    {"default-gateway-v6", 0, "default-gateway-v6", kValue, ""},
    {"default-ipc-mode", 0, "default-ipc-mode", kValue, ""},
    {"default-network-opt", 0, "default-network-opts", kValue, ""},
    {"default-runtime", 0, "default-runtime", kValue, ""},
    {"default-shm-size", 0, "default-shm-size", kValue, ""},
    {"default-ulimit", 0, "default-ulimits", kValue, ""},
    {"exec-opt", 0, "exec-opts", kValue, ""},
    {"experimental", 0, "experimental", kSwitch, ""},
    {"feature", 0, "features", kValue, ""},
    {"firewall-backend", 0, "firewall-backend", kValue, ""},
    {"fixed-cidr", 0, "fixed-cidr", kValue, ""},
    {"fixed-cidr-v6", 0, "fixed-cidr-v6", kValue, ""},
    {"host-gateway-ip", 0, "host-gateway-ips", kValue, ""},
    {"http-proxy", 0, "http-proxy", kValue, ""},
    {"https-proxy", 0, "https-proxy", kValue, ""},
    {"init", 0, "init", kSwitch, ""},
    {"init-path", 0, "init-path", kValue, ""},
    {"ip-forward-no-drop", 0, "ip-forward-no-drop", kSwitch, ""},
    {"ip6tables", 0, "ip6tables", kSwitch, ""},
    {"ipv6", 0, "ipv6", kSwitch, ""},
    {"max-concurrent-downloads", 0, "max-concurrent-downloads", kValue, ""},
    {"max-concurrent-uploads", 0, "max-concurrent-uploads", kValue, ""},
    {"max-download-attempts", 0, "max-download-attempts", kValue, ""},
    {"metrics-addr", 0, "metrics-addr", kValue, ""},
    {"network-control-plane-mtu", 0, "network-control-plane-mtu", kValue, ""},
    {"no-new-privileges", 0, "no-new-privileges", kSwitch, ""},
    {"no-proxy", 0, "no-proxy", kValue, ""},
    {"node-generic-resource", 0, "node-generic-resources", kValue, ""},
    {"raw-logs", 0, "raw-logs", kSwitch, ""},
    {"registry-mirror", 0, "registry-mirrors", kValue, ""},
    {"rootless", 0, "rootless", kSwitch, ""},
    {"seccomp-profile", 0, "seccomp-profile", kValue, ""},
    {"selinux-enabled", 0, "selinux-enabled", kSwitch, ""},
    {"storage-driver", 's', "storage-driver", kValue, ""},
    {"storage-opt", 0, "storage-opts", kValue, ""},
    {"swarm-default-advertise-addr", 0, "swarm-default-advertise-addr", kValue, ""},
    {"tls", 0, "tls", kSwitch, ""},
    {"tlscacert", 0, "tlscacert", kValue, ""},
    {"tlscert", 0, "tlscert", kValue, ""},
    {"tlskey", 0, "tlskey", kValue, ""},
    {"tlsverify", 0, "tlsverify", kSwitch, ""},
    {"userland-proxy", 0, "userland-proxy", kSwitch, ""},
    {"userland-proxy-path", 0, "userland-proxy-path", kValue, ""},
    {"userns-remap", 0, "userns-remap", kValue, ""},
};

Failure invalid(const Option& option, const std::string& text, std::string_view why) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("invalid argument \"{}\" for \"--{}\" flag: {}", text, option.flag, why));
}

Result<bool> parse_bool(const Option& option, const std::string& text) {
    for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    return invalid(option, text, fmt::format("strconv.ParseBool: parsing \"{}\": invalid syntax", text));
}

Result<int> parse_int(const Option& option, const std::string& text) {
    int out = 0;
    const char* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data(), end, out);
    if (error == std::errc() && rest == end) return out;
    return invalid(option, text, fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
}

}  // namespace

std::span<const Option> options() {
    return kOptions;
}

Result<> set_option(Config& config, const Option& option, const std::string& text) {
    if (const auto* flag = std::get_if<bool Config::*>(&option.target)) {
        BERTH_TRY(config.**flag, parse_bool(option, text));
    } else if (const auto* number = std::get_if<int Config::*>(&option.target)) {
        BERTH_TRY(config.**number, parse_int(option, text));
    } else if (const auto* word = std::get_if<std::string Config::*>(&option.target)) {
        config.** word = text;
    } else if (const auto* list = std::get_if<std::vector<std::string> Config::*>(&option.target)) {
        (config.**list).push_back(text);
    } else {
        return fail(ErrorKind::kNotImplemented, fmt::format("--{} is not supported yet", option.flag));
    }
    return {};
}

std::string option_text(const Config& config, const Option& option) {
    if (const auto* flag = std::get_if<bool Config::*>(&option.target))
        return config.**flag ? "true" : "false";
    if (const auto* number = std::get_if<int Config::*>(&option.target))
        return std::to_string(config.**number);
    if (const auto* word = std::get_if<std::string Config::*>(&option.target)) return config.**word;
    if (const auto* list = std::get_if<std::vector<std::string> Config::*>(&option.target)) {
        return fmt::format("[{}]", fmt::join(config.**list, " "));
    }
    return "";
}

}  // namespace berth::daemon
