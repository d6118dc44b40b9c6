#include "engine/container/resources.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <system_error>

namespace berth::container {

namespace {

constexpr std::int64_t kLeastMemory = 6 << 20;
constexpr std::int64_t kNanoCpu = 1'000'000'000;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<struct stat> stat_device(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) == 0) return found;
    std::string why = errno == ENOENT ? "no such file or directory" : std::generic_category().message(errno);
    return fail(ErrorKind::kInternal, "stat " + path + ": " + why);
}

oci::MemoryResources memory_resources(const types::HostConfig& host) {
    oci::MemoryResources memory;
    if (host.memory > 0) memory.limit = host.memory;
    if (host.memory_reservation > 0) memory.reservation = host.memory_reservation;
    if (host.memory_swap != 0) memory.swap = host.memory_swap;
    if (host.memory_swappiness) memory.swappiness = static_cast<std::uint64_t>(*host.memory_swappiness);
    if (host.oom_kill_disable.value_or(false)) memory.disable_oom_killer = true;
    if (host.kernel_memory_tcp > 0) memory.kernel_tcp = host.kernel_memory_tcp;
    return memory;
}

oci::CpuResources cpu_resources(const types::HostConfig& host) {
    oci::CpuResources cpu;
    if (host.cpu_shares > 0) cpu.shares = static_cast<std::uint64_t>(host.cpu_shares);
    if (host.cpu_period > 0) cpu.period = static_cast<std::uint64_t>(host.cpu_period);
    if (host.cpu_quota != 0) cpu.quota = host.cpu_quota;
    if (host.nano_cpus > 0) {
        constexpr std::int64_t kPeriod = 100'000;  // microseconds
        cpu.period = kPeriod;
        cpu.quota = host.nano_cpus / (kNanoCpu / kPeriod);
    }
    if (host.cpu_realtime_period != 0)
        cpu.realtime_period = static_cast<std::uint64_t>(host.cpu_realtime_period);
    if (host.cpu_realtime_runtime != 0) cpu.realtime_runtime = host.cpu_realtime_runtime;
    cpu.cpus = host.cpuset_cpus;
    cpu.mems = host.cpuset_mems;
    return cpu;
}

Result<std::vector<oci::ThrottleDevice>> throttles(const std::vector<types::ThrottleDevice>& devices) {
    std::vector<oci::ThrottleDevice> out;
    for (const auto& device : devices) {
        BERTH_TRY(auto node, stat_device(device.path));
        out.push_back({major(node.st_rdev), minor(node.st_rdev), device.rate});
    }
    return out;
}

Result<oci::BlockIoResources> block_io_resources(const types::HostConfig& host) {
    oci::BlockIoResources io;
    if (host.blkio_weight > 0) io.weight = host.blkio_weight;
    for (const auto& device : host.blkio_weight_device) {
        BERTH_TRY(auto node, stat_device(device.path));
        io.weight_devices.push_back({major(node.st_rdev), minor(node.st_rdev), device.weight, {}});
    }
    BERTH_TRY(io.throttle_read_bps, throttles(host.blkio_read_bps));
    BERTH_TRY(io.throttle_write_bps, throttles(host.blkio_write_bps));
    BERTH_TRY(io.throttle_read_iops, throttles(host.blkio_read_iops));
    BERTH_TRY(io.throttle_write_iops, throttles(host.blkio_write_iops));
    return io;
}

// A request that is checked, and what is to be said about it.
struct Check {
    types::HostConfig& host;
    const cgroup::HostSupport& support;
    bool update;
    std::vector<std::string>& warnings;

    // Takes `value` out with a warning where the host has no support for it.
    template <class T>
    void need(bool supported, T& value, const char* warning) {
        if (supported || value == T()) return;
        value = T();
        warnings.emplace_back(warning);
    }
};

Result<> check_memory(Check& check) {
    auto& host = check.host;
    if (host.memory != 0 && host.memory < kLeastMemory) return bad("Minimum memory limit allowed is 6MB");
    if (host.memory > 0 && !check.support.memory) {
        check.need(false, host.memory,
                   "Your kernel does not support memory limit capabilities or the cgroup is not mounted. "
                   "Limitation discarded.");
        host.memory_swap = -1;
    }
    if (host.memory > 0 && host.memory_swap != -1 && !check.support.swap) {
        check.warnings.emplace_back(
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory "
            "limited "
            "without swap.");
        host.memory_swap = -1;
    }
    if (host.memory > 0 && host.memory_swap > 0 && host.memory_swap < host.memory)
        return bad("Minimum memoryswap limit should be larger than memory limit, see usage");
    if (host.memory == 0 && host.memory_swap > 0 && !check.update)
        return bad("You should always set the Memory limit when using Memoryswap limit, see usage");
    if (host.memory_swappiness == -1) host.memory_swappiness.reset();
    check.need(check.support.swappiness, host.memory_swappiness,
               "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
               "Memory swappiness discarded.");
    if (host.memory_swappiness && (*host.memory_swappiness < 0 || *host.memory_swappiness > 100)) {
        return bad(fmt::format("Invalid value: {}, valid memory swappiness range is 0-100",
                               *host.memory_swappiness));
    }
    check.need(check.support.reservation, host.memory_reservation,
               "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. "
               "Limitation discarded.");
    if (host.memory_reservation > 0 && host.memory_reservation < kLeastMemory)
        return bad("Minimum memory reservation allowed is 6MB");
    if (host.memory > 0 && host.memory_reservation > host.memory)
        return bad("Minimum memory limit can not be less than memory reservation limit, see usage");
    return {};
}

// Limits that count processes, and whether memory may kill them.
void check_oom_and_pids(Check& check) {
    auto& host = check.host;
    if (!check.support.oom_kill_disable) {
        if (host.oom_kill_disable.value_or(false))
            check.warnings.emplace_back(
                "Your kernel does not support OomKillDisable. OomKillDisable discarded.");
        host.oom_kill_disable.reset();
    }
    if (host.oom_kill_disable.value_or(false) && host.memory == 0) {
        check.warnings.emplace_back(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the "
            "system running out of resources.");
    }
    if (host.pids_limit && !check.support.pids) {
        if (*host.pids_limit > 0) {
            check.warnings.emplace_back(
                "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs "
                "limit "
                "discarded.");
        }
        host.pids_limit.reset();
    }
}

Result<> check_realtime(const Check& check) {
    const auto& host = check.host;
    if ((host.cpu_realtime_period != 0 || host.cpu_realtime_runtime != 0) && !check.support.cpu_realtime)
        return bad("kernel does not support CPU real-time scheduler");
    if (host.cpu_realtime_period != 0 && host.cpu_realtime_runtime != 0 &&
        host.cpu_realtime_runtime > host.cpu_realtime_period)
        return bad("cpu real-time runtime cannot be higher than cpu real-time period");
    return {};
}

Result<> check_cpu(Check& check) {
    auto& host = check.host;
    BERTH_CHECK(check_realtime(check));
    if (host.cpu_shares < 0 && check.support.cpu_shares)
        return bad(fmt::format("invalid CPU shares ({}): value must be a positive integer", host.cpu_shares));
    if (host.nano_cpus > 0 && host.cpu_period > 0)
        return bad("Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (host.nano_cpus > 0 && host.cpu_quota > 0)
        return bad("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    if (host.nano_cpus > 0 && !check.support.cpu_cfs) {
        return bad(
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not "
            "mounted");
    }
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    if (host.nano_cpus < 0 || host.nano_cpus > cpus * kNanoCpu) {
        return bad(
            fmt::format("range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available", cpus));
    }
    check.need(check.support.cpu_shares, host.cpu_shares,
               "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.");
    if ((host.cpu_period != 0 || host.cpu_quota != 0) && !check.support.cpu_cfs) {
        check.warnings.emplace_back(
            "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.");
        host.cpu_period = host.cpu_quota = 0;
    }
    if (host.cpu_period != 0 && (host.cpu_period < 1000 || host.cpu_period > 1000000))
        return bad("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
    if (host.cpu_quota > 0 && host.cpu_quota < 1000)
        return bad("CPU cfs quota can not be less than 1ms (i.e. 1000)");
    if (host.cpu_percent > 0) {
        check.warnings.emplace_back("linux does not support CPU percent. Percent discarded.");
        host.cpu_percent = 0;
    }
    return {};
}

Result<> check_cpuset(Check& check) {
    auto& host = check.host;
    if ((!host.cpuset_cpus.empty() || !host.cpuset_mems.empty()) && !check.support.cpuset) {
        check.warnings.emplace_back(
            "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.");
        host.cpuset_cpus.clear();
        host.cpuset_mems.clear();
    }
    auto available = [](const std::string& wanted, const std::string& there, const char* what,
                        const char* field) -> Result<> {
        switch (cgroup::match_list(wanted, there)) {
            case cgroup::ListMatch::kAvailable:
                return {};
            case cgroup::ListMatch::kMalformed:
                return bad(
                    fmt::format("Invalid value {0} for cpuset {1}: invalid format: {0}", wanted, field));
            default:
                return bad(fmt::format("Requested {} are not available - requested {}, available: {}", what,
                                       wanted, there));
        }
    };
    BERTH_CHECK(available(host.cpuset_cpus, check.support.cpus, "CPUs", "cpus"));
    return available(host.cpuset_mems, check.support.mems, "memory nodes", "mems");
}

Result<> check_block_io(Check& check) {
    auto& host = check.host;
    const auto& support = check.support;
    check.need(
        support.blkio_weight, host.blkio_weight,
        "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.");
    if (host.blkio_weight > 0 && (host.blkio_weight < 10 || host.blkio_weight > 1000))
        return bad("Range of blkio weight is from 10 to 1000");
    if (host.io_maximum_bandwidth != 0)
        return bad("invalid option: QoS maximum bandwidth configuration is not supported on linux");
    if (host.io_maximum_iops != 0)
        return bad("invalid option: QoS maximum IOPs configuration is not supported on linux");
    auto drop = [&](bool supported, const char* name, auto& list, const char* warning) {
        if (supported || list.empty()) return;
        list.clear();
        host.empty_lists.insert(name);
        check.warnings.emplace_back(warning);
    };
    drop(support.blkio_weight_device, "BlkioWeightDevice", host.blkio_weight_device,
         "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device "
         "discarded.");
    drop(support.blkio_read_bps, "BlkioDeviceReadBps", host.blkio_read_bps,
         "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS "
         "read limit discarded.");
    drop(support.blkio_write_bps, "BlkioDeviceWriteBps", host.blkio_write_bps,
         "Your kernel does not support BPS Block I/O write limit or the cgroup is not mounted. Block I/O BPS "
         "write limit discarded.");
    drop(support.blkio_read_iops, "BlkioDeviceReadIOps", host.blkio_read_iops,
         "Your kernel does not support IOPS Block read limit or the cgroup is not mounted. Block I/O IOPS "
         "read "
         "limit discarded.");
    drop(support.blkio_write_iops, "BlkioDeviceWriteIOps", host.blkio_write_iops,
         "Your kernel does not support IOPS Block write limit or the cgroup is not mounted. Block I/O IOPS "
         "write limit discarded.");
    return {};
}

}  // namespace

Result<oci::Resources> resources(const types::HostConfig& host) {
    oci::Resources out;
    if (auto memory = memory_resources(host); memory != oci::MemoryResources()) out.memory = memory;
    if (auto cpu = cpu_resources(host); cpu != oci::CpuResources()) out.cpu = cpu;
    BERTH_TRY(auto io, block_io_resources(host));
    if (io != oci::BlockIoResources()) out.block_io = std::move(io);
    if (host.pids_limit && *host.pids_limit != 0) out.pids_limit = *host.pids_limit;
    return out;
}

Result<> check_resources(types::HostConfig& host, const cgroup::HostSupport& support, bool update,
                         std::vector<std::string>& warnings) {
    Check check{host, support, update, warnings};
    BERTH_CHECK(check_memory(check));
    check_oom_and_pids(check);
    BERTH_CHECK(check_cpu(check));
    BERTH_CHECK(check_cpuset(check));
    return check_block_io(check);
}

void complete_resources(types::HostConfig& host, const cgroup::HostSupport& support) {
    if (host.memory > 0 && host.memory_swap == 0) host.memory_swap = host.memory * 2;
    if (!host.oom_kill_disable && support.oom_kill_disable) host.oom_kill_disable = false;
    // 0 and less have always meant "no limit".
    if (host.pids_limit && *host.pids_limit <= 0) host.pids_limit.reset();
}

Result<> check_restart_policy(types::HostConfig& host) {
    auto& policy = host.restart_policy;
    if (policy.name.empty()) policy.name = "no";
    bool known = policy.name == "no" || policy.name == "always" || policy.name == "unless-stopped" ||
                 policy.name == "on-failure";
    if (!known) {
        return bad("invalid restart policy: unknown policy '" + policy.name +
                   "'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'");
    }
    if (policy.name != "on-failure" && policy.maximum_retry_count != 0) {
        return bad("invalid restart policy: maximum retry count can only be used with 'on-failure'");
    }
    if (policy.maximum_retry_count < 0)
        return bad("invalid restart policy: maximum retry count cannot be negative");
    if (host.auto_remove && policy.name != "no")
        return bad("can't create 'AutoRemove' container with restart policy");
    return {};
}

}  // namespace berth::container
