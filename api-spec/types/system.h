#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

// GET /version and GET /info. JSON names are the members' in PascalCase unless system.cc says otherwise.
namespace berth::types {

struct VersionComponent {
    std::string name, version;
    std::map<std::string, std::string> details;
};

struct SystemVersion {
    std::string platform_name;
    std::vector<VersionComponent> components;  // the first is "Engine"; the CLI prints each
    std::string version, api_version, min_api_version;
    std::string git_commit, go_version, os, arch, kernel_version, build_time;
};

struct ContainerCounts {
    int running = 0, paused = 0, stopped = 0;
};

// What the kernel can limit; a false one makes the CLI print a warning.
struct Limits {
    bool memory = false, swap = false, cpu_cfs_period = false, cpu_cfs_quota = false, cpu_shares = false;
    bool cpu_set = false, pids = false, ipv4_forwarding = false, oom_kill_disable = false,
         kernel_memory_tcp = false;
};

struct Runtime {
    std::string path;
    std::vector<std::string> arguments;
};

struct SystemInfo {
    std::string id, name, docker_root_dir, server_version;
    ContainerCounts containers;
    int images = 0;
    std::string driver;
    std::vector<std::pair<std::string, std::string>> driver_status;
    std::vector<std::string> volume_plugins, network_plugins, log_plugins, authorization_plugins;
    Limits limits;
    bool debug = false, live_restore = false;
    int open_files = 0, tasks = 0, event_listeners = 0;
    std::string system_time, logging_driver, cgroup_driver, cgroup_version;
    std::string kernel_version, operating_system, os_version, os_type, architecture;
    int cpus = 0;
    std::int64_t memory_bytes = 0;
    std::vector<std::string> insecure_registry_cidrs, insecure_registries, registry_mirrors, labels,
        security_options, warnings;
    std::map<std::string, Runtime> runtimes;
    std::string default_runtime, init_binary, firewall_backend;
    std::string http_proxy, https_proxy, no_proxy;
};

nlohmann::json to_json(const SystemVersion& version);
nlohmann::json to_json(const SystemInfo& info);

}  // namespace berth::types
