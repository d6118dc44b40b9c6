#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/base/result.h"

namespace berth::types {

struct PortBinding {
    std::string host_ip, host_port;  // host_port: "8080", "8080-8090" or ""
};

struct RestartPolicy {
    std::string name;  // "", no, always, unless-stopped, on-failure
    std::int64_t maximum_retry_count = 0;
};

struct LogConfig {
    std::string type;
    std::map<std::string, std::string> config;
};

struct DeviceMapping {
    std::string path_on_host, path_in_container, cgroup_permissions;
};

struct Ulimit {
    std::string name;
    std::int64_t hard = 0, soft = 0;
};

struct WeightDevice {
    std::string path;
    std::uint16_t weight = 0;
};

struct ThrottleDevice {
    std::string path;
    std::uint64_t rate = 0;  // bytes or operations a second
};

// --gpus, --device VENDOR/CLASS=NAME: what a device driver is asked for.
struct DeviceRequest {
    std::string driver;
    std::int64_t count = 0;  // -1: all
    std::vector<std::string> device_ids;
    std::vector<std::vector<std::string>> capabilities;
    std::optional<std::map<std::string, std::string>> options;
};

struct BindOptions {
    std::string propagation;
    bool non_recursive = false, create_mountpoint = false;
    bool read_only_non_recursive = false, read_only_force_recursive = false;
};

struct DriverConfig {
    std::string name;
    std::map<std::string, std::string> options;
};

struct VolumeOptions {
    bool no_copy = false;
    std::map<std::string, std::string> labels;
    std::optional<DriverConfig> driver_config;
    std::string subpath;
};

struct ImageOptions {
    std::string subpath;
};

struct TmpfsOptions {
    std::int64_t size_bytes = 0, mode = 0;
    std::vector<std::vector<std::string>> options;
};

struct MountRequest {
    std::string type, source, target;
    bool read_only = false;
    std::string consistency;  // accepted and meaningless on Linux, as in Docker
    std::optional<BindOptions> bind_options;
    std::optional<VolumeOptions> volume_options;
    std::optional<ImageOptions> image_options;
    std::optional<TmpfsOptions> tmpfs_options;
};

// `HostConfig` of the Engine API: how this host runs a container. Sizes in bytes; 0 means "not given".
struct HostConfig {
    std::vector<std::string> binds;
    std::string container_id_file;
    LogConfig log_config;
    std::string network_mode;
    std::vector<std::string> links;  // of the default bridge; those of other networks are their endpoints'
    std::vector<std::string> volumes_from;                          // "CONTAINER[:MODE]"
    std::map<std::string, std::vector<PortBinding>> port_bindings;  // "80/tcp" -> …
    RestartPolicy restart_policy;
    bool auto_remove = false;
    std::string volume_driver;
    std::vector<std::uint32_t> console_size;  // height, width
    std::map<std::string, std::string> annotations;
    std::vector<std::string> cap_add, cap_drop;
    std::string cgroupns_mode, cgroup;
    std::vector<std::string> dns, dns_options, dns_search, extra_hosts, group_add;
    std::string ipc_mode, pid_mode, uts_mode, userns_mode;
    std::int64_t oom_score_adj = 0;
    bool privileged = false, publish_all_ports = false, readonly_rootfs = false;
    std::vector<std::string> security_opt;
    std::map<std::string, std::string> tmpfs, storage_opt;
    std::int64_t shm_size = 0;
    std::map<std::string, std::string> sysctls;
    std::string runtime, isolation;
    std::optional<bool> init;  // absent: as the daemon is told
    std::int64_t cpu_shares = 0, memory = 0, nano_cpus = 0;
    std::string cgroup_parent;
    std::int64_t cpu_period = 0, cpu_quota = 0;
    std::int64_t cpu_realtime_period = 0, cpu_realtime_runtime = 0;
    std::string cpuset_cpus, cpuset_mems;
    std::uint16_t blkio_weight = 0;
    std::vector<WeightDevice> blkio_weight_device;
    std::vector<ThrottleDevice> blkio_read_bps, blkio_write_bps, blkio_read_iops, blkio_write_iops;
    std::vector<DeviceMapping> devices;
    std::vector<std::string> device_cgroup_rules;
    std::vector<DeviceRequest> device_requests;
    std::int64_t memory_reservation = 0, memory_swap = 0;
    std::int64_t kernel_memory_tcp = 0;
    std::optional<std::int64_t> memory_swappiness;  // 0 to 100; absent: the host's
    std::optional<bool> oom_kill_disable;
    std::optional<std::int64_t> pids_limit;
    // Of other systems: read, shown, and of no effect on Linux.
    std::int64_t cpu_count = 0, cpu_percent = 0;
    std::uint64_t io_maximum_iops = 0, io_maximum_bandwidth = 0;
    std::vector<Ulimit> ulimits;
    std::vector<MountRequest> mounts;
    // What was given as [] or {} and not as null: it is shown so.
    std::set<std::string> empty_lists;
    // Absent: the default lists; empty: none (systempaths=unconfined).
    std::optional<std::vector<std::string>> masked_paths, readonly_paths;
};

// As parse_container_config().
Result<HostConfig> parse_host_config(const nlohmann::json& object, const std::string& path);
nlohmann::json to_json(const HostConfig& config);
nlohmann::json to_json(const std::map<std::string, std::vector<PortBinding>>& bindings);

}  // namespace berth::types
