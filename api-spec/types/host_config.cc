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

void fields(auto& visit, Either<WeightDevice> auto& self) {
    visit("Path", self.path);
    visit("Weight", self.weight);
}

void fields(auto& visit, Either<ThrottleDevice> auto& self) {
    visit("Path", self.path);
    visit("Rate", self.rate);
}

void fields(auto& visit, Either<DeviceRequest> auto& self) {
    visit("Driver", self.driver);
    visit("Count", self.count);
    visit("DeviceIDs", self.device_ids);
    visit("Capabilities", self.capabilities);
    visit("Options", self.options);
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

// The limits: what POST /containers/ID/update takes as well.
void resource_fields(auto& visit, Either<HostConfig> auto& self) {
    visit("CpuShares", self.cpu_shares);
    visit("Memory", self.memory);
    visit("NanoCpus", self.nano_cpus);
    visit("CgroupParent", self.cgroup_parent);
    visit("BlkioWeight", self.blkio_weight);
    visit("BlkioWeightDevice", self.blkio_weight_device);
    visit("BlkioDeviceReadBps", self.blkio_read_bps);
    visit("BlkioDeviceWriteBps", self.blkio_write_bps);
    visit("BlkioDeviceReadIOps", self.blkio_read_iops);
    visit("BlkioDeviceWriteIOps", self.blkio_write_iops);
    visit("CpuPeriod", self.cpu_period);
    visit("CpuQuota", self.cpu_quota);
    visit("CpuRealtimePeriod", self.cpu_realtime_period);
    visit("CpuRealtimeRuntime", self.cpu_realtime_runtime);
    visit("CpusetCpus", self.cpuset_cpus);
    visit("CpusetMems", self.cpuset_mems);
    visit("Devices", self.devices);
    visit("DeviceCgroupRules", self.device_cgroup_rules);
    visit("DeviceRequests", self.device_requests);
    visit("KernelMemoryTCP", self.kernel_memory_tcp);
    visit("MemoryReservation", self.memory_reservation);
    visit("MemorySwap", self.memory_swap);
    visit("MemorySwappiness", self.memory_swappiness);
    visit("OomKillDisable", self.oom_kill_disable);
    visit("PidsLimit", self.pids_limit);
    visit("Ulimits", self.ulimits);
    visit("CpuCount", self.cpu_count);
    visit("CpuPercent", self.cpu_percent);
    visit("IOMaximumIOps", self.io_maximum_iops);
    visit("IOMaximumBandwidth", self.io_maximum_bandwidth);
}

void fields(auto& visit, Either<HostConfig> auto& self) {
    visit("Binds", self.binds);
    visit("ContainerIDFile", self.container_id_file);
    visit("LogConfig", self.log_config);
    visit("NetworkMode", self.network_mode);
    visit("Links", self.links);
    visit("VolumesFrom", self.volumes_from);
    visit("PortBindings", self.port_bindings);
    visit("RestartPolicy", self.restart_policy);
    visit("AutoRemove", self.auto_remove);
    visit("VolumeDriver", self.volume_driver);
    visit("ConsoleSize", self.console_size);
    visit("Annotations", self.annotations);
    visit("CapAdd", self.cap_add);
    visit("CapDrop", self.cap_drop);
    visit("CgroupnsMode", self.cgroupns_mode);
    visit("Cgroup", self.cgroup);
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
    visit("StorageOpt", self.storage_opt);
    visit("ShmSize", self.shm_size);
    visit("Sysctls", self.sysctls);
    visit("Runtime", self.runtime);
    visit("Isolation", self.isolation);
    visit("Init", self.init);
    visit("Mounts", self.mounts);
    visit("MaskedPaths", self.masked_paths);
    visit("ReadonlyPaths", self.readonly_paths);
    resource_fields(visit, self);
}

Result<HostConfig> parse_host_config(const nlohmann::json& object, const std::string& path) {
    BERTH_TRY(auto host, read_fields<HostConfig>(object, path));
    for (const auto& [name, value] : object.items())
        if (value.is_structured() && value.empty()) host.empty_lists.insert(name);
    return host;
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
    for (const char* name :
         {"Tmpfs", "Sysctls", "Annotations", "StorageOpt", "Mounts", "Init", "KernelMemoryTCP"}) {
        if (out[name].empty() || out[name] == 0) out.erase(name);
    }
    for (const auto& name : config.empty_lists) {
        if (auto field = out.find(name); field != out.end() && field->is_null())
            *field = nlohmann::json::array();
    }
    if (config.port_bindings.empty() && !config.empty_lists.contains("PortBindings"))
        out["PortBindings"] = nullptr;
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
