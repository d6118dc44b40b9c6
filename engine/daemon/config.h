#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::daemon {

// The daemon's settings, from flags and daemon.json. A setting may be in one of the two only.
struct Config {
    std::vector<std::string> hosts;  // "unix:///path", "tcp://127.0.0.1:2375"; empty: the default socket
    std::string data_root = "/var/lib/berth";
    std::string exec_root = "/run/berth";
    std::string pidfile = "/run/berth/berthd.pid";
    std::string config_file = "/etc/berth/daemon.json";
    std::string group = "docker";

    bool debug = false;
    std::string log_level = "info", log_format = "text";

    std::string bridge, bip, default_host_ip = "0.0.0.0";
    std::vector<std::string> address_pools;  // "172.17.0.0/16/24": base and size
    int mtu = 1500;
    bool iptables = true, ip_forward = true, ip_masq = true, icc = true;
    std::vector<std::string> dns, dns_options, dns_search;

    std::string cgroup_parent = "/docker", log_driver = "json-file";
    std::vector<std::string> log_options;  // "key=value"
    std::vector<std::string> insecure_registries, labels;
    bool live_restore = false;
    int shutdown_timeout = 15;

    // What to do instead of serving.
    bool show_help = false, show_version = false, validate = false;
};

// Reads the command line, then the configuration file (which must exist only if --config-file names it).
Result<Config> load_config(const std::vector<std::string>& arguments);

// The text of --help.
std::string usage();

}  // namespace berth::daemon
