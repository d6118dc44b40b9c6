#include "engine/container/resources.h"

namespace berth::container {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

}  // namespace

oci::Resources resources(const types::HostConfig& host) {
    oci::Resources out;
    oci::MemoryResources memory;
    if (host.memory > 0) memory.limit = host.memory;
    if (host.memory_reservation > 0) memory.reservation = host.memory_reservation;
    if (host.memory_swap != 0) memory.swap = host.memory_swap;
    if (memory != oci::MemoryResources()) out.memory = memory;
    oci::CpuResources cpu;
    if (host.cpu_shares > 0) cpu.shares = static_cast<std::uint64_t>(host.cpu_shares);
    if (host.cpu_period > 0) cpu.period = static_cast<std::uint64_t>(host.cpu_period);
    if (host.cpu_quota != 0) cpu.quota = host.cpu_quota;
    if (host.nano_cpus > 0) {
        constexpr std::int64_t kPeriod = 100'000;  // microseconds
        cpu.period = kPeriod;
        cpu.quota = host.nano_cpus / (1'000'000'000 / kPeriod);
    }
    cpu.cpus = host.cpuset_cpus;
    cpu.mems = host.cpuset_mems;
    if (cpu != oci::CpuResources()) out.cpu = cpu;
    if (host.pids_limit && *host.pids_limit != 0) out.pids_limit = *host.pids_limit;
    return out;
}

Result<> check_resources(types::HostConfig& host) {
    constexpr std::int64_t kLeastMemory = 6 << 20;
    if (host.memory < 0 || host.memory_reservation < 0 || host.shm_size < 0)
        return bad("memory sizes cannot be negative");
    if (host.memory > 0 && host.memory < kLeastMemory) return bad("Minimum memory limit allowed is 6MB");
    if (host.memory == 0 && host.memory_swap > 0) {
        return bad("You should always set the Memory limit when using Memoryswap limit, see usage");
    }
    if (host.memory > 0 && host.memory_swap > 0 && host.memory_swap < host.memory) {
        return bad("Minimum memoryswap limit should be larger than memory limit, see usage");
    }
    if (host.memory > 0 && host.memory_reservation > host.memory) {
        return bad("Minimum memory limit can not be less than memory reservation limit, see usage");
    }
    if (host.memory_reservation > 0 && host.memory_reservation < kLeastMemory) {
        return bad("Minimum memory reservation allowed is 6MB");
    }
    if (host.memory_swappiness && *host.memory_swappiness != -1) {
        return fail(ErrorKind::kNotImplemented, "HostConfig.MemorySwappiness is not supported yet");
    }
    host.memory_swappiness.reset();
    if (host.nano_cpus < 0) return bad("Range of CPUs is from 0.01 to the number of CPUs");
    if (host.nano_cpus > 0 && (host.cpu_period > 0 || host.cpu_quota > 0)) {
        return bad(host.cpu_period > 0 ? "Conflicting options: Nano CPUs and CPU Period cannot both be set"
                                       : "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    }
    if (host.cpu_period != 0 && (host.cpu_period < 1000 || host.cpu_period > 1000000)) {
        return bad("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
    }
    if (host.cpu_quota > 0 && host.cpu_quota < 1000)
        return bad("CPU cfs quota can not be less than 1ms (i.e. 1000)");
    if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000) {
        return bad("Invalid value " + std::to_string(host.oom_score_adj) +
                   ", range for oom score adj is [-1000, 1000]");
    }
    if (host.memory > 0 && host.memory_swap == 0) host.memory_swap = host.memory * 2;
    return {};
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
