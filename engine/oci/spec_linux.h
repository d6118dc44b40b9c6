#pragma once

#include "engine/oci/runtime_spec.h"
#include "engine/oci/spec_resources.h"

// Fields of the specification, for runtime_spec.cc alone; see spec_passes.h.
namespace berth::oci {

template <class Pass>
void fields(Pass& pass, Device& device) {
    pass.always("path", device.path);
    pass.always("type", device.type);
    pass.always("major", device.major);
    pass.always("minor", device.minor);
    pass("fileMode", device.file_mode);
    pass("uid", device.uid);
    pass("gid", device.gid);
}

template <class Pass>
void fields(Pass& pass, SeccompArg& arg) {
    pass.always("index", arg.index);
    pass.always("value", arg.value);
    pass("valueTwo", arg.value_two);
    pass.always("op", arg.op);
}

template <class Pass>
void fields(Pass& pass, SeccompRule& rule) {
    pass.always("names", rule.names);
    pass.always("action", rule.action);
    pass("errnoRet", rule.errno_ret);
    pass("args", rule.args);
}

template <class Pass>
void fields(Pass& pass, Seccomp& seccomp) {
    pass.always("defaultAction", seccomp.default_action);
    pass("defaultErrnoRet", seccomp.default_errno_ret);
    pass("architectures", seccomp.architectures);
    pass("flags", seccomp.flags);
    pass("listenerPath", seccomp.listener_path);
    pass("listenerMetadata", seccomp.listener_metadata);
    pass("syscalls", seccomp.syscalls);
}

template <class Pass>
void fields(Pass& pass, Personality& personality) {
    pass.always("domain", personality.domain);
    pass("flags", personality.flags);
}

template <class Pass>
void fields(Pass& pass, TimeOffset& offset) {
    pass("secs", offset.secs);
    pass("nanosecs", offset.nanosecs);
}

template <class Pass>
void fields(Pass& pass, MemoryPolicy& policy) {
    pass.always("mode", policy.mode);
    pass("nodes", policy.nodes);
    pass("flags", policy.flags);
}

template <class Pass>
void fields(Pass& pass, IntelRdt& rdt) {
    pass("closID", rdt.clos_id);
    pass("schemata", rdt.schemata);
    pass("l3CacheSchema", rdt.l3_cache_schema);
    pass("memBwSchema", rdt.mem_bw_schema);
    pass("enableMonitoring", rdt.enable_monitoring);
    pass("enableCMT", rdt.enable_cmt);
    pass("enableMBM", rdt.enable_mbm);
}

template <class Pass>
void fields(Pass& pass, NetDevice& device) {
    pass("name", device.name);
}

template <class Pass>
void fields(Pass& pass, Linux& linux_part) {
    pass("uidMappings", linux_part.uid_mappings);
    pass("gidMappings", linux_part.gid_mappings);
    pass("sysctl", linux_part.sysctl);
    pass("resources", linux_part.resources);
    pass("cgroupsPath", linux_part.cgroups_path);
    pass("namespaces", linux_part.namespaces);
    pass("devices", linux_part.devices);
    pass("seccomp", linux_part.seccomp);
    pass("rootfsPropagation", linux_part.rootfs_propagation);
    pass("maskedPaths", linux_part.masked_paths);
    pass("readonlyPaths", linux_part.readonly_paths);
    pass("mountLabel", linux_part.mount_label);
    pass("personality", linux_part.personality);
    pass("timeOffsets", linux_part.time_offsets);
    pass("memoryPolicy", linux_part.memory_policy);
    pass("intelRdt", linux_part.intel_rdt);
    pass("netDevices", linux_part.net_devices);
}

}  // namespace berth::oci
