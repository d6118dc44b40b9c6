#include "api-spec/types/host_config.h"

#include "api-spec/types/json_fields.h"

namespace berth::types {

void fields(auto& visit, Either<PortBinding> auto& self) {
    visit("HostIp", self.host_ip);
    visit("HostPort", self.host_port);
}

void fields(auto& visit, Either<RestartPolicy> auto& self) {
    visit("Name", self.name);
    visit("MaximumRetryCount", self.maximum_retry_count);
}

void fields(auto& visit, Either<LogConfig> auto& self) {
    visit("Type", self.type);
    visit("Config", self.config);
}

void fields(auto& visit, Either<DeviceMapping> auto& self) {
    visit("PathOnHost", self.path_on_host);
    visit("PathInContainer", self.path_in_container);
    visit("CgroupPermissions", self.cgroup_permissions);
}

void fields(auto& visit, Either<Ulimit> auto& self) {
    visit("Name", self.name);
    visit("Hard", self.hard);
    visit("Soft", self.soft);
}

void fields(auto& visit, Either<BindOptions> auto& self) {
    visit("Propagation", self.propagation);
    visit("NonRecursive", self.non_recursive);
    visit("CreateMountpoint", self.create_mountpoint);
    visit("ReadOnlyNonRecursive", self.read_only_non_recursive);
    visit("ReadOnlyForceRecursive", self.read_only_force_recursive);
}

void fields(auto& visit, Either<DriverConfig> auto& self) {
    visit("Name", self.name);
    visit("Options", self.options);
}

void fields(auto& visit, Either<VolumeOptions> auto& self) {
    visit("NoCopy", self.no_copy);
    visit("Labels", self.labels);
    visit("DriverConfig", self.driver_config);
    visit("Subpath", self.subpath);
}

void fields(auto& visit, Either<ImageOptions> auto& self) {
    visit("Subpath", self.subpath);
}

void fields(auto& visit, Either<TmpfsOptions> auto& self) {
    visit("SizeBytes", self.size_bytes);
    visit("Mode", self.mode);
    visit("Options", self.options);
}

void fields(auto& visit, Either<MountRequest> auto& self) {
    visit("Type", self.type);
    visit("Source", self.source);
    visit("Target", self.target);
    visit("ReadOnly", self.read_only);
    visit("Consistency", self.consistency);
    visit("BindOptions", self.bind_options);
    visit("VolumeOptions", self.volume_options);
    visit("TmpfsOptions", self.tmpfs_options);
    visit("ImageOptions", self.image_options);
    visit.unsupported("ClusterOptions", Empty::kNull);
}

// Known to the API, not to this engine yet.
void unsupported_fields(auto& visit) {
    visit.unsupported("VolumesFrom", Empty::kNull);
    visit.unsupported("Cgroup", Empty::kText);
    visit.unsupported("StorageOpt", Empty::kNull);
    visit.unsupported("BlkioWeight", Empty::kZero);
    visit.unsupported("BlkioWeightDevice", Empty::kArray);
    visit.unsupported("BlkioDeviceReadBps", Empty::kArray);
    visit.unsupported("BlkioDeviceWriteBps", Empty::kArray);
    visit.unsupported("BlkioDeviceReadIOps", Empty::kArray);
    visit.unsupported("BlkioDeviceWriteIOps", Empty::kArray);
    visit.unsupported("CpuRealtimePeriod", Empty::kZero);
    visit.unsupported("CpuRealtimeRuntime", Empty::kZero);
    visit.unsupported("DeviceCgroupRules", Empty::kNull);
    visit.unsupported("DeviceRequests", Empty::kNull);
    visit.unsupported("KernelMemory", Empty::kZero);
    visit.unsupported("KernelMemoryTCP", Empty::kZero);
    visit.unsupported("OomKillDisable", Empty::kFalse);
    visit.unsupported("CpuCount", Empty::kZero);
    visit.unsupported("CpuPercent", Empty::kZero);
    visit.unsupported("IOMaximumIOps", Empty::kZero);
    visit.unsupported("IOMaximumBandwidth", Empty::kZero);
}

void fields(auto& visit, Either<HostConfig> auto& self) {
    visit("Binds", self.binds);
    visit("ContainerIDFile", self.container_id_file);
    visit("LogConfig", self.log_config);
    visit("NetworkMode", self.network_mode);
    visit("Links", self.links);
    visit("PortBindings", self.port_bindings);
    visit("RestartPolicy", self.restart_policy);
    visit("AutoRemove", self.auto_remove);
    visit("VolumeDriver", self.volume_driver);
    visit("ConsoleSize", self.console_size);
    visit("Annotations", self.annotations);
    visit("CapAdd", self.cap_add);
    visit("CapDrop", self.cap_drop);
    visit("CgroupnsMode", self.cgroupns_mode);
    visit("Dns", self.dns);
    visit("DnsOptions", self.dns_options);
    visit("DnsSearch", self.dns_search);
    visit("ExtraHosts", self.extra_hosts);
    visit("GroupAdd", self.group_add);
    visit("IpcMode", self.ipc_mode);
    visit("PidMode", self.pid_mode);
    visit("UTSMode", self.uts_mode);
    visit("UsernsMode", self.userns_mode);
    visit("OomScoreAdj", self.oom_score_adj);
    visit("Privileged", self.privileged);
    visit("PublishAllPorts", self.publish_all_ports);
    visit("ReadonlyRootfs", self.readonly_rootfs);
    visit("SecurityOpt", self.security_opt);
    visit("Tmpfs", self.tmpfs);
    visit("ShmSize", self.shm_size);
    visit("Sysctls", self.sysctls);
    visit("Runtime", self.runtime);
    visit("Isolation", self.isolation);
    visit("Init", self.init);
    visit("CpuShares", self.cpu_shares);
    visit("Memory", self.memory);
    visit("NanoCpus", self.nano_cpus);
    visit("CgroupParent", self.cgroup_parent);
    visit("CpuPeriod", self.cpu_period);
    visit("CpuQuota", self.cpu_quota);
    visit("CpusetCpus", self.cpuset_cpus);
    visit("CpusetMems", self.cpuset_mems);
    visit("Devices", self.devices);
    visit("MemoryReservation", self.memory_reservation);
    visit("MemorySwap", self.memory_swap);
    visit("MemorySwappiness", self.memory_swappiness);
    visit("PidsLimit", self.pids_limit);
    visit("Ulimits", self.ulimits);
    visit("Mounts", self.mounts);
    visit("MaskedPaths", self.masked_paths);
    visit("ReadonlyPaths", self.readonly_paths);
    unsupported_fields(visit);
}

Result<HostConfig> parse_host_config(const nlohmann::json& object, const std::string& path) {
    return read_fields<HostConfig>(object, path);
}

namespace {

// The inner omitempty of a mount's objects.
void drop_empty(nlohmann::json& mount) {
    for (auto field = mount.begin(); field != mount.end();) {
        if (field->is_object()) drop_empty(*field);
        bool nothing = field->is_null() || *field == "" || *field == false || *field == 0;
        field = nothing ? mount.erase(field) : std::next(field);
    }
}

}  // namespace

nlohmann::json to_json(const HostConfig& config) {
    nlohmann::json out = FieldWriter::write(config);
    for (const char* name : {"Dns", "DnsOptions", "DnsSearch", "Devices", "Ulimits"}) {
        if (out[name].is_null()) out[name] = nlohmann::json::array();
    }
    for (const char* name : {"Tmpfs", "Sysctls", "Annotations", "StorageOpt", "Mounts", "Init",
                             "KernelMemory", "KernelMemoryTCP"}) {
        if (out[name].empty() || out[name] == 0) out.erase(name);
    }
    if (out["ConsoleSize"].is_null()) out["ConsoleSize"] = {0, 0};
    for (const char* name : {"MaskedPaths", "ReadonlyPaths"}) {
        bool given = std::string(name) == "MaskedPaths" ? config.masked_paths.has_value()
                                                        : config.readonly_paths.has_value();
        if (given && out[name].is_null()) out[name] = nlohmann::json::array();
    }
    if (out.contains("Mounts")) {
        for (auto& mount : out["Mounts"]) drop_empty(mount);
    }
    return out;
}

nlohmann::json to_json(const std::map<std::string, std::vector<PortBinding>>& bindings) {
    return FieldWriter::write(bindings);
}

}  // namespace berth::types
