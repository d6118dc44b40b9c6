#include "engine/cgroup/settings.h"

#include <fmt/format.h>

namespace berth::cgroup {

namespace {

using Settings = std::vector<Setting>;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

template <class T>
bool given(const std::optional<T>& value) {
    return value.value_or(0) != 0;
}

template <class T>
void add(Settings& out, const char* controller, const char* file, const std::optional<T>& value,
         bool again = false) {
    if (value)
        out.push_back(
            {.controller = controller, .file = file, .value = fmt::format("{}", *value), .again = again});
}
// The same for values of which zero is "not given".
template <class T>
void add_nonzero(Settings& out, const char* controller, const char* file, const std::optional<T>& value,
                 bool again = false) {
    if (given(value)) add(out, controller, file, value, again);
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
    // Letters that mean nothing are left out, as runc does; the kernel would refuse them.
    std::string access;
    for (char letter : {'r', 'w', 'm'}) {
        if (rule.access.empty() || rule.access.find(letter) != std::string::npos) access += letter;
    }
    return fmt::format("{} {}:{} {}", type, number(rule.major), number(rule.minor), access);
}

Result<> memory_v1(const oci::MemoryResources& memory, Settings& out) {
    std::int64_t limit = memory.limit.value_or(0), swap = memory.swap.value_or(0);
    constexpr const char* kSwap = "memory.memsw.limit_in_bytes";
    auto set_swap = [&](std::int64_t value) {
        // A kernel without swap accounting has no such file, and dockerd has warned about it.
        out.push_back({.controller = "memory",
                       .file = kSwap,
                       .value = std::to_string(value),
                       .optional = true,
                       .again = true});
    };
    // Memory without end needs swap without end, and the kernel wants the wider limit said first.
    if (swap < 0 || (limit < 0 && swap == 0)) set_swap(-1);
    if (limit != 0) {
        out.push_back({.controller = "memory",
                       .file = "memory.limit_in_bytes",
                       .value = std::to_string(limit),
                       .again = true});
    }
    if (swap > 0) set_swap(swap);
    add_nonzero(out, "memory", "memory.soft_limit_in_bytes", memory.reservation);
    if (memory.disable_oom_killer.value_or(false)) out.push_back({"memory", "memory.oom_control", "1"});
    if (memory.swappiness && *memory.swappiness != static_cast<std::uint64_t>(-1)) {
        if (*memory.swappiness > 100) {
            return bad(fmt::format("invalid memory swappiness value: {} (valid range is 0-100)",
                                   *memory.swappiness));
        }
        add(out, "memory", "memory.swappiness", memory.swappiness);
    }
    return {};
}

Result<> cpu_v1(const oci::CpuResources& cpu, Settings& out) {
    // The kernel would take another number, and not say so.
    constexpr std::uint64_t kFewest = 2, kMost = 1 << 18;
    const std::uint64_t shares = cpu.shares.value_or(0);
    if (shares != 0 && shares < kFewest)
        return bad(fmt::format("the minimum allowed cpu-shares is {}", kFewest));
    if (shares > kMost) return bad(fmt::format("the maximum allowed cpu-shares is {}", kMost));
    // An idle group has no shares that could be set: first out of it, or last into it.
    bool idle = given(cpu.idle);
    if (!idle) add(out, "cpu", "cpu.idle", cpu.idle);
    add_nonzero(out, "cpu", "cpu.shares", cpu.shares);
    // Each is checked against the others, old or new.
    add_nonzero(out, "cpu", "cpu.cfs_period_us", cpu.period, true);
    add(out, "cpu", "cpu.cfs_burst_us", cpu.burst, true);
    add_nonzero(out, "cpu", "cpu.cfs_quota_us", cpu.quota, true);
    add_nonzero(out, "cpu", "cpu.rt_period_us", cpu.realtime_period, true);
    add_nonzero(out, "cpu", "cpu.rt_runtime_us", cpu.realtime_runtime, true);
    if (idle) add(out, "cpu", "cpu.idle", cpu.idle);
    return {};
}

void cpuset(const oci::CpuResources& cpu, Settings& out) {
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
    auto weight = [&](const char* file, const char* other, const std::string& value) {
        out.push_back({"blkio", file, value, other, value});
    };
    if (given(io.weight)) weight("blkio.weight", "blkio.bfq.weight", std::to_string(*io.weight));
    add_nonzero(out, "blkio", "blkio.leaf_weight", io.leaf_weight);
    for (const oci::WeightDevice& device : io.weight_devices) {
        auto text = [&](std::uint16_t value) {
            return fmt::format("{}:{} {}", device.major, device.minor, value);
        };
        if (given(device.weight))
            weight("blkio.weight_device", "blkio.bfq.weight_device", text(*device.weight));
        if (given(device.leaf_weight))
            out.push_back({"blkio", "blkio.leaf_weight_device", text(*device.leaf_weight)});
    }
    throttle(io.throttle_read_bps, "blkio.throttle.read_bps_device", "", out);
    throttle(io.throttle_write_bps, "blkio.throttle.write_bps_device", "", out);
    throttle(io.throttle_read_iops, "blkio.throttle.read_iops_device", "", out);
    throttle(io.throttle_write_iops, "blkio.throttle.write_iops_device", "", out);
}

// Version 1's swap counts the memory in, version 2's does not.
Result<> memory_v2(const oci::MemoryResources& memory, Settings& out) {
    std::int64_t limited = memory.limit.value_or(0), swap = memory.swap.value_or(0);
    std::string swap_max;
    if (swap < 0 || (limited < 0 && swap == 0)) {
        swap_max = "max";
    } else if (swap > 0) {
        if (limited <= 0) return bad("unable to set swap limit without memory limit");
        if (swap < limited) return bad("memory+swap limit should be >= memory limit");
        swap_max = std::to_string(swap - limited);
    }
    // First, so that what a lower memory.max pushes out finds the new limit. Where there is no swap, none of
    // it can be had, and "max" and "0" are true all the same.
    if (!swap_max.empty()) {
        out.push_back({.controller = "memory",
                       .file = "memory.swap.max",
                       .value = swap_max,
                       .optional = swap_max == "max" || swap_max == "0"});
    }
    if (limited != 0) out.push_back({"memory", "memory.max", limit(limited)});
    if (given(memory.reservation)) out.push_back({"memory", "memory.low", limit(*memory.reservation)});
    return {};
}

void cpu_v2(const oci::CpuResources& cpu, Settings& out) {
    bool idle = given(cpu.idle);
    if (!idle) add(out, "cpu", "cpu.idle", cpu.idle);
    if (given(cpu.shares))
        out.push_back({"cpu", "cpu.weight", std::to_string(weight_of_shares(*cpu.shares))});
    if (cpu.burst) {
        out.push_back({.controller = "cpu",
                       .file = "cpu.max.burst",
                       .value = std::to_string(*cpu.burst),
                       .optional = true,
                       .again = true});
    }
    if (given(cpu.quota) || given(cpu.period)) {
        std::string quota = cpu.quota.value_or(0) > 0 ? std::to_string(*cpu.quota) : "max";
        std::uint64_t period = given(cpu.period) ? *cpu.period : 100000;
        out.push_back({.controller = "cpu",
                       .file = "cpu.max",
                       .value = fmt::format("{} {}", quota, period),
                       .again = true});
    }
    // Last: an idle group takes no weight.
    if (idle) add(out, "cpu", "cpu.idle", cpu.idle);
}

void block_io_v2(const oci::BlockIoResources& io, Settings& out) {
    // 10…1000 of blkio to 1…10000 of io; BFQ, where it is, has blkio's own scale.
    auto converted = [](std::uint64_t weight) { return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990; };
    if (given(io.weight)) {
        out.push_back({"io", "io.bfq.weight", std::to_string(*io.weight), "io.weight",
                       fmt::format("default {}", converted(*io.weight))});
    }
    for (const oci::WeightDevice& device : io.weight_devices) {
        if (!given(device.weight)) continue;
        std::string number = fmt::format("{}:{} ", device.major, device.minor);
        out.push_back({"io", "io.bfq.weight", number + std::to_string(*device.weight), "io.weight",
                       number + std::to_string(converted(*device.weight))});
    }
    throttle(io.throttle_read_bps, "io.max", "rbps", out);
    throttle(io.throttle_write_bps, "io.max", "wbps", out);
    throttle(io.throttle_read_iops, "io.max", "riops", out);
    throttle(io.throttle_write_iops, "io.max", "wiops", out);
}

// A hybrid host may have the controller in version 2's tree, with the names of version 2.
void common(const oci::Resources& resources, const char* huge_file, Settings& out) {
    if (given(resources.pids_limit)) out.push_back({"pids", "pids.max", limit(*resources.pids_limit)});
    for (const oci::HugepageLimit& huge : resources.hugepage_limits) {
        std::string prefix = fmt::format("hugetlb.{}.", huge.page_size), value = std::to_string(huge.limit);
        out.push_back({"hugetlb", prefix + huge_file, value, prefix + "max", value});
        // What is reserved and not touched yet counts as well, since Linux 5.7.
        out.push_back({.controller = "hugetlb",
                       .file = prefix + "rsvd." + huge_file,
                       .value = value,
                       .other_file = prefix + "rsvd.max",
                       .other_value = value,
                       .optional = true});
    }
    for (const auto& [device, limits] : resources.rdma) {
        auto text = [](const std::optional<std::uint32_t>& value) {
            return value ? std::to_string(*value) : "max";
        };
        out.push_back({"rdma", "rdma.max",
                       fmt::format("{} hca_handle={} hca_object={}", device, text(limits.handles),
                                   text(limits.objects))});
    }
}

bool one_word(const std::string& text) {
    return !text.empty() && text.find_first_of(" \t\n/") == std::string::npos;
}

Result<> check_names(const oci::Resources& resources) {
    for (const oci::HugepageLimit& huge : resources.hugepage_limits) {
        if (!one_word(huge.page_size))
            return bad(fmt::format("invalid hugepage size: \"{}\"", huge.page_size));
    }
    for (const auto& [device, limits] : resources.rdma) {
        if (!one_word(device)) return bad(fmt::format("invalid RDMA device: \"{}\"", device));
    }
    if (!resources.network) return {};
    for (const oci::InterfacePriority& priority : resources.network->priorities) {
        if (!one_word(priority.name))
            return bad(fmt::format("invalid interface name: \"{}\"", priority.name));
    }
    return {};
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
    if (shares < 2) shares = 2;
    if (shares > 262144) shares = 262144;
    return 1 + ((shares - 2) * 9999) / 262142;
}

std::vector<std::string> without_effect(const oci::Resources& resources, bool unified_only) {
    std::vector<std::string> out;
    auto note = [&out](bool asked, const char* name) {
        if (asked) out.emplace_back(name);
    };
    oci::MemoryResources memory = resources.memory.value_or(oci::MemoryResources());
    note(given(memory.kernel), "memory.kernel");
    note(given(memory.kernel_tcp), "memory.kernelTCP");
    note(!memory.use_hierarchy.value_or(true), "memory.useHierarchy");
    if (!unified_only) return out;
    note(given(memory.swappiness), "memory.swappiness");
    note(memory.disable_oom_killer.value_or(false), "memory.disableOOMKiller");
    oci::CpuResources cpu = resources.cpu.value_or(oci::CpuResources());
    note(given(cpu.realtime_runtime), "cpu.realtimeRuntime");
    note(given(cpu.realtime_period), "cpu.realtimePeriod");
    oci::BlockIoResources io = resources.block_io.value_or(oci::BlockIoResources());
    bool leaves = given(io.leaf_weight);
    for (const oci::WeightDevice& device : io.weight_devices) leaves = leaves || given(device.leaf_weight);
    note(leaves, "blockIO.leafWeight");
    return out;
}

Result<std::vector<Setting>> settings_v1(const oci::Resources& resources) {
    Settings out;
    if (!resources.unified.empty()) return bad("invalid configuration: cannot use unified on cgroup v1");
    BERTH_CHECK(check_names(resources));
    for (const oci::DeviceRule& rule : resources.devices) {
        out.push_back({"devices", rule.allow ? "devices.allow" : "devices.deny", device_text(rule)});
    }
    if (resources.cpu) cpuset(*resources.cpu, out);
    if (resources.memory) BERTH_CHECK(memory_v1(*resources.memory, out));
    if (resources.cpu) BERTH_CHECK(cpu_v1(*resources.cpu, out));
    if (resources.block_io) block_io_v1(*resources.block_io, out);
    common(resources, "limit_in_bytes", out);
    if (resources.network) {
        add_nonzero(out, "net_cls", "net_cls.classid", resources.network->class_id);
        for (const oci::InterfacePriority& priority : resources.network->priorities) {
            out.push_back(
                {"net_prio", "net_prio.ifpriomap", fmt::format("{} {}", priority.name, priority.priority)});
        }
    }
    return out;
}

Result<std::vector<Setting>> settings_v2(const oci::Resources& resources) {
    Settings out;
    BERTH_CHECK(check_names(resources));
    if (resources.network && (given(resources.network->class_id) || !resources.network->priorities.empty()))
        return bad("network.classID and network.priorities need cgroup version 1");
    if (resources.memory) BERTH_CHECK(memory_v2(*resources.memory, out));
    if (resources.cpu) cpu_v2(*resources.cpu, out);
    if (resources.cpu) cpuset(*resources.cpu, out);
    if (resources.block_io) block_io_v2(*resources.block_io, out);
    common(resources, "max", out);
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
