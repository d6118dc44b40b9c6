#include "api-spec/types/system.h"

#include <nlohmann/json.hpp>

namespace berth::types {

using nlohmann::json;

json to_json(const SystemVersion& version) {
    json components = json::array();
    for (const auto& part : version.components) {
        components.push_back({{"Name", part.name}, {"Version", part.version}, {"Details", part.details}});
    }
    return {{"Platform", {{"Name", version.platform_name}}},
            {"Components", components},
            {"Version", version.version},
            {"ApiVersion", version.api_version},
            {"MinAPIVersion", version.min_api_version},
            {"GitCommit", version.git_commit},
            {"GoVersion", version.go_version},
            {"Os", version.os},
            {"Arch", version.arch},
            {"KernelVersion", version.kernel_version},
            {"BuildTime", version.build_time}};
}

namespace {

json or_null(const std::vector<std::string>& list) {
    return list.empty() ? json(nullptr) : json(list);
}

json registry_config(const SystemInfo& info) {
    json indexes{
        {"docker.io",
         {{"Name", "docker.io"}, {"Mirrors", info.registry_mirrors}, {"Official", true}, {"Secure", true}}}};
    for (const auto& host : info.insecure_registries) {
        indexes[host] = {{"Name", host}, {"Mirrors", json::array()}, {"Official", false}, {"Secure", false}};
    }
    return {{"IndexConfigs", indexes},
            {"InsecureRegistryCIDRs", info.insecure_registry_cidrs},
            {"Mirrors", or_null(info.registry_mirrors)}};
}

json runtimes(const SystemInfo& info) {
    json out = json::object();
    for (const auto& [name, runtime] : info.runtimes) {
        out[name] = {{"path", runtime.path}};
        if (!runtime.arguments.empty()) out[name]["runtimeArgs"] = runtime.arguments;
    }
    return out;
}

void add_limits(json& out, const Limits& limits) {
    out["MemoryLimit"] = limits.memory;
    out["SwapLimit"] = limits.swap;
    out["CpuCfsPeriod"] = limits.cpu_cfs_period;
    out["CpuCfsQuota"] = limits.cpu_cfs_quota;
    out["CPUShares"] = limits.cpu_shares;
    out["CPUSet"] = limits.cpu_set;
    out["PidsLimit"] = limits.pids;
    out["IPv4Forwarding"] = limits.ipv4_forwarding;
    out["OomKillDisable"] = limits.oom_kill_disable;
    if (limits.kernel_memory_tcp) out["KernelMemoryTCP"] = true;
}

}  // namespace

json to_json(const SystemInfo& info) {
    json driver_status = json::array();
    for (const auto& [name, value] : info.driver_status) driver_status.push_back({name, value});
    const auto& counts = info.containers;
    const json authorization =
        info.authorization_plugins.empty() ? json(nullptr) : json(info.authorization_plugins);
    json out{
        {"ID", info.id},
        {"Containers", counts.running + counts.paused + counts.stopped},
        {"ContainersRunning", counts.running},
        {"ContainersPaused", counts.paused},
        {"ContainersStopped", counts.stopped},
        {"Images", info.images},
        {"Driver", info.driver},
        {"DriverStatus", driver_status},
        {"Plugins",
         {{"Volume", info.volume_plugins},
          {"Network", info.network_plugins},
          {"Authorization", authorization},
          {"Log", info.log_plugins}}},
        {"Debug", info.debug},
        {"NFd", info.open_files},
        {"NGoroutines", info.tasks},
        {"SystemTime", info.system_time},
        {"LoggingDriver", info.logging_driver},
        {"CgroupDriver", info.cgroup_driver},
        {"CgroupVersion", info.cgroup_version},
        {"NEventsListener", info.event_listeners},
        {"KernelVersion", info.kernel_version},
        {"OperatingSystem", info.operating_system},
        {"OSVersion", info.os_version},
        {"OSType", info.os_type},
        {"Architecture", info.architecture},
        {"IndexServerAddress", "https://index.docker.io/v1/"},
        {"RegistryConfig", registry_config(info)},
        {"NCPU", info.cpus},
        {"MemTotal", info.memory_bytes},
        {"GenericResources", nullptr},
        {"DockerRootDir", info.docker_root_dir},
        {"HttpProxy", info.http_proxy},
        {"HttpsProxy", info.https_proxy},
        {"NoProxy", info.no_proxy},
        {"Name", info.name},
        {"Labels", info.labels},
        {"ExperimentalBuild", false},
        {"ServerVersion", info.server_version},
        {"Runtimes", runtimes(info)},
        {"DefaultRuntime", info.default_runtime},
        {"Swarm",
         {{"NodeID", ""},
          {"NodeAddr", ""},
          {"LocalNodeState", "inactive"},
          {"ControlAvailable", false},
          {"Error", ""},
          {"RemoteManagers", nullptr}}},
        {"LiveRestoreEnabled", info.live_restore},
        {"Isolation", ""},
        {"InitBinary", info.init_binary},
        {"ContainerdCommit", {{"ID", ""}}},
        {"RuncCommit", {{"ID", ""}}},
        {"InitCommit", {{"ID", ""}}},
        {"SecurityOptions", info.security_options},
        {"FirewallBackend", {{"Driver", info.firewall_backend}}},
        {"CDISpecDirs", json::array()},
        {"Warnings", or_null(info.warnings)},
    };
    add_limits(out, info.limits);
    return out;
}

}  // namespace berth::types
