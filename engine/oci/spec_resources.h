#pragma once

#include "engine/oci/runtime_spec.h"

// Fields of the specification, for runtime_spec.cc alone; see spec_passes.h.
namespace berth::oci {

template <class Pass>
void fields(Pass& pass, DeviceRule& rule) {
    pass.always("allow", rule.allow);
    pass("type", rule.type);
    pass("major", rule.major);
    pass("minor", rule.minor);
    pass("access", rule.access);
}

template <class Pass>
void fields(Pass& pass, MemoryResources& memory) {
    pass("limit", memory.limit);
    pass("reservation", memory.reservation);
    pass("swap", memory.swap);
    pass("kernel", memory.kernel);
    pass("kernelTCP", memory.kernel_tcp);
    pass("swappiness", memory.swappiness);
    pass("disableOOMKiller", memory.disable_oom_killer);
    pass("useHierarchy", memory.use_hierarchy);
    pass("checkBeforeUpdate", memory.check_before_update);
}

template <class Pass>
void fields(Pass& pass, CpuResources& cpu) {
    pass("shares", cpu.shares);
    pass("quota", cpu.quota);
    pass("burst", cpu.burst);
    pass("period", cpu.period);
    pass("realtimeRuntime", cpu.realtime_runtime);
    pass("realtimePeriod", cpu.realtime_period);
    pass("cpus", cpu.cpus);
    pass("mems", cpu.mems);
    pass("idle", cpu.idle);
}

template <class Pass>
void fields(Pass& pass, WeightDevice& device) {
    pass.always("major", device.major);
    pass.always("minor", device.minor);
    pass("weight", device.weight);
    pass("leafWeight", device.leaf_weight);
}

template <class Pass>
void fields(Pass& pass, ThrottleDevice& device) {
    pass.always("major", device.major);
    pass.always("minor", device.minor);
    pass.always("rate", device.rate);
}

template <class Pass>
void fields(Pass& pass, BlockIoResources& io) {
    pass("weight", io.weight);
    pass("leafWeight", io.leaf_weight);
    pass("weightDevice", io.weight_devices);
    pass("throttleReadBpsDevice", io.throttle_read_bps);
    pass("throttleWriteBpsDevice", io.throttle_write_bps);
    pass("throttleReadIOPSDevice", io.throttle_read_iops);
    pass("throttleWriteIOPSDevice", io.throttle_write_iops);
}

template <class Pass>
void fields(Pass& pass, HugepageLimit& limit) {
    pass.always("pageSize", limit.page_size);
    pass.always("limit", limit.limit);
}

template <class Pass>
void fields(Pass& pass, InterfacePriority& priority) {
    pass.always("name", priority.name);
    pass.always("priority", priority.priority);
}

template <class Pass>
void fields(Pass& pass, NetworkResources& network) {
    pass("classID", network.class_id);
    pass("priorities", network.priorities);
}

template <class Pass>
void fields(Pass& pass, RdmaLimit& limit) {
    pass("hcaHandles", limit.handles);
    pass("hcaObjects", limit.objects);
}

template <class Pass>
void fields(Pass& pass, Resources& resources) {
    pass("devices", resources.devices);
    pass("memory", resources.memory);
    pass("cpu", resources.cpu);
    pass.nested("pids", "limit", resources.pids_limit);
    pass("blockIO", resources.block_io);
    pass("hugepageLimits", resources.hugepage_limits);
    pass("unified", resources.unified);
    pass("network", resources.network);
    pass("rdma", resources.rdma);
}

}  // namespace berth::oci
