#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api-spec/types/host_config.h"
#include "engine/base/id_maps.h"
#include "engine/base/result.h"

namespace berth::daemon {

// One of `runtimes`: a program with runc's command line, or (`type`) a containerd shim.
struct Runtime {
    std::string path;
    std::vector<std::string> arguments;
    std::string type;
    std::string options;  // JSON text of the object, or ""
};

// For what the engine itself fetches. "": as the environment says (HTTP_PROXY and so on).
struct Proxies {
    std::string http, https, none;
};

using Strings = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;

// The daemon's settings, from flags and daemon.json. A setting may be in one of the two only.
struct Config {
    Strings hosts;  // "unix:///path", "tcp://127.0.0.1:2375", "fd://"; empty: the default socket
    std::string data_root = "/var/lib/berth";
    std::string exec_root = "/run/berth";
    std::string pidfile = "/run/berth/berthd.pid";
    std::string config_file;  // "": the default one
    std::string group = "docker";
    std::optional<bool> tls, tls_verify;  // TLS is on if `tls` says so; it is set where `tls_verify` is
    std::string tls_ca, tls_cert, tls_key;

    bool debug = false, raw_logs = false;
    std::string log_level = "info", log_format = "text";

    std::string bridge, bip, bip6, default_host_ip = "0.0.0.0";
    std::string fixed_cidr, fixed_cidr_v6, default_gateway, default_gateway_v6;
    Strings address_pools;                             // "172.17.0.0/16/24": base and size
    std::map<std::string, StringMap> network_options;  // by driver
    Strings host_gateway_ips;  // at most one of each family; empty: the default bridge's
    int mtu = 1500, control_plane_mtu = 1500, diagnostic_port = 0;
    bool iptables = true, ip6tables = true, ip_forward = true, ip_forward_no_drop = false, ip_masq = true;
    std::string firewall_backend = "iptables";
    bool icc = true, ipv6 = false, allow_direct_routing = false, userland_proxy = true;
    bool publish_to_loopback = false, publish_by_input = false;  // ours, not dockerd's
    std::string userland_proxy_path;
    Strings dns, dns_options, dns_search;

    std::string cgroup_parent = "/docker";
    std::string default_runtime = "runc";
    std::map<std::string, Runtime> runtimes;
    std::map<std::string, types::Ulimit> ulimits;     // by name
    std::int64_t shm_size = 64 << 20;                 // bytes
    std::string ipc_mode = "private", cgroupns_mode;  // cgroupns_mode "": private on cgroup v2, else host
    bool init = false, no_new_privileges = false, selinux = false;
    std::string init_path;                    // "": our own
    std::string seccomp_profile = "builtin";  // or "unconfined", or a file's path
    std::string log_driver = "json-file";
    StringMap log_options;
    bool live_restore = false;
    int shutdown_timeout = 15;  // seconds, at least each container's own and 5 more; negative: for ever
    std::int64_t cpu_rt_period = 0, cpu_rt_runtime = 0;
    std::string userns_remap;
    IdMaps ids;            // what it means, once that has been looked up
    Strings exec_options;  // "native.cgroupdriver=cgroupfs"
    Strings cdi_dirs;
    std::string storage_driver;
    Strings storage_options;

    Strings registry_mirrors;     // URLs with a slash at the end
    Strings insecure_registries;  // "host", "host:port", "10.0.0.0/8"
    Proxies proxies;
    int max_downloads = 3, max_uploads = 5;  // at the same time; 0: any number
    int max_download_attempts = 5;           // for each layer

    Strings labels;
    std::map<std::string, bool> features;
    bool experimental = false, rootless = false, cri = false, auto_restart = true;
    std::string builder;  // JSON text of the key, or ""
    std::string metrics_address, swarm_advertise_address, cors_headers;
    Strings generic_resources, authorization_plugins, nondistributable;
    std::string containerd, containerd_namespace = "moby", containerd_plugins_namespace = "plugins.moby";

    // What to do instead of serving.
    bool show_help = false, show_version = false, validate = false;

    std::set<std::string, std::less<>> flags;      // that were given, by name
    std::set<std::string, std::less<>> file_keys;  // that the configuration file has
    bool zeros = false;                            // a number 0 in the file counts, as in a reload's
    Strings deprecations;                          // what the user is told at once, on stderr
};

// Reads the command line, then the configuration file (which must exist only if --config-file names it; the
// default is /etc/berth/daemon.json, else Docker's). Error texts are dockerd's.
Result<Config> load_config(const std::vector<std::string>& arguments);

// The configuration file alone, as a reload takes it: its values in `file_keys`, defaults elsewhere. Flags of
// `present` that the file repeats are conflicts.
Result<Config> reload_config(const Config& present);

// Settings without an effect here that are no mistake either, one line each, for the log.
Strings remarks(const Config& config);

// The text of --help, for the name the program was called by.
std::string usage(const std::string& program);

}  // namespace berth::daemon
