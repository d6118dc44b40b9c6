#include "engine/cgroup/settings.h"

#include <fmt/format.h>

namespace berth::cgroup {

namespace {

using Settings = std::vector<Setting>;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

template <class T>
void add(Settings& out, const char* controller, const char* file, const std::optional<T>& value) {
    if (value) out.push_back({controller, file, fmt::format("{}", *value)});
}

// Version 2 says "max" where version 1 has -1.
std::string limit(std::int64_t value) {
    return value < 0 ? "max" : std::to_string(value);
}

std::string device_text(const oci::DeviceRule& rule) {
    auto number = [](const std::optional<std::int64_t>& n) {
        return n && *n >= 0 ? std::to_string(*n) : "*";
    };
    std::string type = rule.type.empty() ? "a" : rule.type;
    if (type == "a") return "a";
    return fmt::format("{} {}:{} {}", type, number(rule.major), number(rule.minor),
                       rule.access.empty() ? "rwm" : rule.access);
}

void memory_v1(const oci::MemoryResources& memory, Settings& out) {
    // An unlimited swap is said first, a limited one after the memory it includes.
    bool endless = memory.swap && *memory.swap < 0;
    if (endless) add(out, "memory", "memory.memsw.limit_in_bytes", memory.swap);
    add(out, "memory", "memory.limit_in_bytes", memory.limit);
    if (!endless) add(out, "memory", "memory.memsw.limit_in_bytes", memory.swap);
    add(out, "memory", "memory.soft_limit_in_bytes", memory.reservation);
    add(out, "memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp);
    if (memory.disable_oom_killer.value_or(false)) out.push_back({"memory", "memory.oom_control", "1"});
    if (memory.swappiness && *memory.swappiness <= 100)
        add(out, "memory", "memory.swappiness", memory.swappiness);
}

void cpu_v1(const oci::CpuResources& cpu, Settings& out) {
    add(out, "cpu", "cpu.shares", cpu.shares);
    add(out, "cpu", "cpu.cfs_period_us", cpu.period);
    add(out, "cpu", "cpu.cfs_quota_us", cpu.quota);
    add(out, "cpu", "cpu.cfs_burst_us", cpu.burst);
    add(out, "cpu", "cpu.rt_period_us", cpu.realtime_period);
    add(out, "cpu", "cpu.rt_runtime_us", cpu.realtime_runtime);
    add(out, "cpu", "cpu.idle", cpu.idle);
    if (!cpu.cpus.empty()) out.push_back({"cpuset", "cpuset.cpus", cpu.cpus});
    if (!cpu.mems.empty()) out.push_back({"cpuset", "cpuset.mems", cpu.mems});
}

void throttle(const std::vector<oci::ThrottleDevice>& devices, const char* file, const char* key,
              Settings& out) {
    for (const oci::ThrottleDevice& device : devices) {
        std::string rate =
            *key == '\0' ? std::to_string(device.rate) : fmt::format("{}={}", key, device.rate);
        out.push_back(
            {*key == '\0' ? "blkio" : "io", file, fmt::format("{}:{} {}", device.major, device.minor, rate)});
    }
}

void block_io_v1(const oci::BlockIoResources& io, Settings& out) {
    add(out, "blkio", "blkio.weight", io.weight);
    add(out, "blkio", "blkio.leaf_weight", io.leaf_weight);
    for (const oci::WeightDevice& device : io.weight_devices) {
        if (device.weight)
            out.push_back({"blkio", "blkio.weight_device",
                           fmt::format("{}:{} {}", device.major, device.minor, *device.weight)});
    }
    throttle(io.throttle_read_bps, "blkio.throttle.read_bps_device", "", out);
    throttle(io.throttle_write_bps, "blkio.throttle.write_bps_device", "", out);
    throttle(io.throttle_read_iops, "blkio.throttle.read_iops_device", "", out);
    throttle(io.throttle_write_iops, "blkio.throttle.write_iops_device", "", out);
}

// Version 1's swap counts the memory in, version 2's does not.
Result<> memory_v2(const oci::MemoryResources& memory, Settings& out) {
    if (memory.limit) out.push_back({"memory", "memory.max", limit(*memory.limit)});
    if (memory.swap) {
        if (*memory.swap < 0) {
            out.push_back({"memory", "memory.swap.max", "max"});
        } else {
            if (!memory.limit || *memory.limit < 0)
                return bad("unable to set swap limit without memory limit");
            if (*memory.swap < *memory.limit) return bad("memory+swap limit should be >= memory limit");
            out.push_back({"memory", "memory.swap.max", std::to_string(*memory.swap - *memory.limit)});
        }
    }
    if (memory.reservation) out.push_back({"memory", "memory.low", limit(*memory.reservation)});
    return {};
}

void cpu_v2(const oci::CpuResources& cpu, Settings& out) {
    if (cpu.idle) out.push_back({"cpu", "cpu.idle", std::to_string(*cpu.idle)});
    if (cpu.shares && *cpu.shares != 0)
        out.push_back({"cpu", "cpu.weight", std::to_string(weight_of_shares(*cpu.shares))});
    if (cpu.quota || cpu.period) {
        std::string quota = cpu.quota.value_or(0) > 0 ? std::to_string(*cpu.quota) : "max";
        out.push_back({"cpu", "cpu.max", fmt::format("{} {}", quota, cpu.period.value_or(100000))});
    }
    add(out, "cpu", "cpu.max.burst", cpu.burst);
    if (!cpu.cpus.empty()) out.push_back({"cpuset", "cpuset.cpus", cpu.cpus});
    if (!cpu.mems.empty()) out.push_back({"cpuset", "cpuset.mems", cpu.mems});
}

void block_io_v2(const oci::BlockIoResources& io, Settings& out) {
    // 10…1000 of blkio to 1…10000 of io.
    if (io.weight && *io.weight != 0) {
        out.push_back({"io", "io.weight", fmt::format("default {}", 1 + (*io.weight - 10) * 9999 / 990)});
    }
    throttle(io.throttle_read_bps, "io.max", "rbps", out);
    throttle(io.throttle_write_bps, "io.max", "wbps", out);
    throttle(io.throttle_read_iops, "io.max", "riops", out);
    throttle(io.throttle_write_iops, "io.max", "wiops", out);
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
    if (shares < 2) shares = 2;
    if (shares > 262144) shares = 262144;
    return 1 + ((shares - 2) * 9999) / 262142;
}

Result<std::vector<Setting>> settings_v1(const oci::Resources& resources) {
    Settings out;
    if (!resources.unified.empty()) return bad("unified resources need cgroup version 2");
    for (const oci::DeviceRule& rule : resources.devices) {
        out.push_back({"devices", rule.allow ? "devices.allow" : "devices.deny", device_text(rule)});
    }
    if (resources.memory) memory_v1(*resources.memory, out);
    if (resources.cpu) cpu_v1(*resources.cpu, out);
    if (resources.pids_limit && *resources.pids_limit != 0)
        out.push_back({"pids", "pids.max", limit(*resources.pids_limit)});
    if (resources.block_io) block_io_v1(*resources.block_io, out);
    for (const oci::HugepageLimit& huge : resources.hugepage_limits) {
        out.push_back({"hugetlb", fmt::format("hugetlb.{}.limit_in_bytes", huge.page_size),
                       std::to_string(huge.limit)});
    }
    return out;
}

Result<std::vector<Setting>> settings_v2(const oci::Resources& resources) {
    Settings out;
    if (resources.memory) BERTH_CHECK(memory_v2(*resources.memory, out));
    if (resources.cpu) cpu_v2(*resources.cpu, out);
    if (resources.pids_limit && *resources.pids_limit != 0)
        out.push_back({"pids", "pids.max", limit(*resources.pids_limit)});
    if (resources.block_io) block_io_v2(*resources.block_io, out);
    for (const oci::HugepageLimit& huge : resources.hugepage_limits) {
        out.push_back({"hugetlb", fmt::format("hugetlb.{}.max", huge.page_size), std::to_string(huge.limit)});
    }
    for (const auto& [file, value] : resources.unified) {
        if (file.find('/') != std::string::npos)
            return bad(fmt::format("unified resource \"{}\" must be a file name (no slashes)", file));
        auto dot = file.find('.');
        if (dot == std::string::npos)
            return bad(fmt::format("unified resource \"{}\" must be in the form CONTROLLER.PARAMETER", file));
        out.push_back({file.substr(0, dot), file, value});
    }
    return out;
}

}  // namespace berth::cgroup
