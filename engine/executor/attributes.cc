#include "engine/executor/attributes.h"

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// struct sched_attr of <linux/sched/types.h>, which cannot be included beside <sched.h>.
struct SchedulerAttributes {
    std::uint32_t size, sched_policy;
    std::uint64_t sched_flags;
    std::int32_t sched_nice;
    std::uint32_t sched_priority;
    std::uint64_t sched_runtime, sched_deadline, sched_period;
};

using Names = std::map<std::string_view, std::uint64_t>;

Result<std::uint64_t> value_of(const Names& names, const std::string& name, const char* what) {
    auto found = names.find(name);
    if (found == names.end()) return bad(fmt::format("invalid {}: {}", what, name));
    return found->second;
}

const Names kPolicies = {{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},      {"SCHED_BATCH", 3},
                         {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}};
const Names kSchedulerFlags = {{"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02},
                               {"SCHED_FLAG_DL_OVERRUN", 0x04},    {"SCHED_FLAG_KEEP_POLICY", 0x08},
                               {"SCHED_FLAG_KEEP_PARAMS", 0x10},   {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                               {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}};
const Names kIoClasses = {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};
const Names kDomains = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};
const Names kMemoryModes = {{"MPOL_DEFAULT", 0},
                            {"MPOL_PREFERRED", 1},
                            {"MPOL_BIND", 2},
                            {"MPOL_INTERLEAVE", 3},
                            {"MPOL_LOCAL", 4},
                            {"MPOL_PREFERRED_MANY", 5},
                            {"MPOL_WEIGHTED_INTERLEAVE", 6}};
const Names kMemoryFlags = {{"MPOL_F_STATIC_NODES", 1U << 15},
                            {"MPOL_F_RELATIVE_NODES", 1U << 14},
                            {"MPOL_F_NUMA_BALANCING", 1U << 13}};

Result<std::uint64_t> flags_of(const Names& names, const std::vector<std::string>& words, const char* what) {
    std::uint64_t flags = 0;
    for (const std::string& word : words) {
        BERTH_TRY(std::uint64_t flag, value_of(names, word, what));
        flags |= flag;
    }
    return flags;
}

// "0-3,7" as the numbers it stands for.
Result<std::set<unsigned>> numbers_of(const std::string& list, unsigned most) {
    std::set<unsigned> out;
    for (std::size_t at = 0; at <= list.size();) {
        auto end = std::min(list.find(',', at), list.size());
        std::string part = list.substr(at, end - at);
        at = end + 1;
        auto dash = part.find('-');
        std::string last = dash == part.npos ? part : part.substr(dash + 1);
        unsigned from = 0, to = 0;
        auto parse = [](std::string_view text, unsigned& value) {
            auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            return error == std::errc() && stop == text.data() + text.size();
        };
        if (!parse(std::string_view(part).substr(0, dash), from) || !parse(last, to) || from > to ||
            to >= most)
            return bad("invalid list: " + list);
        for (unsigned number = from; number <= to; ++number) out.insert(number);
    }
    return out;
}

Result<> check_scheduler(const oci::Scheduler& scheduler) {
    if (scheduler.policy.empty()) return bad("scheduler policy is required");
    BERTH_CHECK(value_of(kPolicies, scheduler.policy, "scheduler policy"));
    BERTH_CHECK(flags_of(kSchedulerFlags, scheduler.flags, "scheduler flag"));
    int nice = scheduler.nice.value_or(0);
    bool fair = scheduler.policy == "SCHED_OTHER" || scheduler.policy == "SCHED_BATCH";
    if (fair && (nice < -20 || nice > 19))
        return bad(
            fmt::format("invalid scheduler.nice: {} when scheduler.policy is {}", nice, scheduler.policy));
    bool fixed = scheduler.policy == "SCHED_FIFO" || scheduler.policy == "SCHED_RR";
    if (scheduler.priority.value_or(0) != 0 && !fixed)
        return bad("scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
    bool timed = scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0;
    if (timed && scheduler.policy != "SCHED_DEADLINE")
        return bad("scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
    return {};
}

}  // namespace

Result<> check_attributes(const oci::RuntimeSpec& spec, const oci::Process& process) {
    if (process.scheduler) BERTH_CHECK(check_scheduler(*process.scheduler));
    if (process.io_priority) {
        const oci::IoPriority& priority = *process.io_priority;
        if (priority.priority < 0 || priority.priority > 7)
            return bad(fmt::format("invalid ioPriority.Priority: {}", priority.priority));
        BERTH_CHECK(value_of(kIoClasses, priority.io_class, "ioPriority.Class"));
    }
    if (spec.linux_.personality) {
        BERTH_CHECK(value_of(kDomains, spec.linux_.personality->domain, "personality domain"));
        if (!spec.linux_.personality->flags.empty())
            return bad("personality flags are not supported by the kernel");
    }
    if (spec.linux_.memory_policy) {
        const oci::MemoryPolicy& policy = *spec.linux_.memory_policy;
        BERTH_CHECK(value_of(kMemoryModes, policy.mode, "memory policy mode"));
        BERTH_CHECK(flags_of(kMemoryFlags, policy.flags, "memory policy flag"));
        if (!policy.nodes.empty()) BERTH_CHECK(numbers_of(policy.nodes, 1024));
    }
    if (!process.exec_cpu_affinity) return {};
    for (const std::string& list : {process.exec_cpu_affinity->initial, process.exec_cpu_affinity->final_}) {
        if (!list.empty()) BERTH_CHECK(in("execCPUAffinity", numbers_of(list, CPU_SETSIZE)));
    }
    return {};
}

Result<> set_scheduler(const oci::Scheduler& scheduler) {
    SchedulerAttributes attributes{};
    attributes.size = sizeof attributes;
    BERTH_TRY(std::uint64_t policy, value_of(kPolicies, scheduler.policy, "scheduler policy"));
    BERTH_TRY(std::uint64_t flags, flags_of(kSchedulerFlags, scheduler.flags, "scheduler flag"));
    attributes.sched_policy = static_cast<std::uint32_t>(policy);
    attributes.sched_flags = flags;
    attributes.sched_nice = scheduler.nice.value_or(0);
    attributes.sched_priority = static_cast<std::uint32_t>(scheduler.priority.value_or(0));
    attributes.sched_runtime = scheduler.runtime;
    attributes.sched_deadline = scheduler.deadline;
    attributes.sched_period = scheduler.period;
    if (::syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return {};
    if (errno == EPERM && scheduler.policy == "SCHED_DEADLINE")
        return fail_errno("process scheduler can't be used together with AllowedCPUs");
    return fail_errno("error setting scheduler");
}

Result<> set_io_priority(const oci::IoPriority& priority) {
    BERTH_TRY(std::uint64_t io_class, value_of(kIoClasses, priority.io_class, "ioPriority.Class"));
    auto value = static_cast<long>(io_class << 13) | priority.priority;
    if (::syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, value) != 0)
        return fail_errno("failed to set io priority");
    return {};
}

Result<> set_personality(const oci::Personality& personality) {
    BERTH_TRY(std::uint64_t domain, value_of(kDomains, personality.domain, "personality domain"));
    if (::personality(domain) < 0) return fail_errno("unable to set personality");
    return {};
}

Result<> set_memory_policy(const oci::MemoryPolicy& policy) {
    BERTH_TRY(std::uint64_t mode, value_of(kMemoryModes, policy.mode, "memory policy mode"));
    BERTH_TRY(std::uint64_t flags, flags_of(kMemoryFlags, policy.flags, "memory policy flag"));
    unsigned long nodes[1024 / (8 * sizeof(unsigned long))] = {};
    if (!policy.nodes.empty()) {
        BERTH_TRY(auto numbers, numbers_of(policy.nodes, 1024));
        constexpr unsigned kBits = 8 * sizeof(unsigned long);
        for (unsigned node : numbers) nodes[node / kBits] |= 1UL << (node % kBits);
    }
    bool none = policy.nodes.empty();
    if (::syscall(SYS_set_mempolicy, mode | flags, none ? nullptr : nodes, none ? 0UL : 1024UL) != 0)
        return fail_errno("failed to set memory policy");
    return {};
}

Result<> set_cpu_affinity(const std::string& list) {
    BERTH_TRY(auto numbers, numbers_of(list, CPU_SETSIZE));
    cpu_set_t set;
    CPU_ZERO(&set);
    for (unsigned cpu : numbers) CPU_SET(cpu, &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0)
        return fail_errno("error setting CPU affinity to " + list);
    return {};
}

std::string cpu_mask_of(pid_t pid) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(pid, sizeof set, &set) != 0) return "unknown";
    std::string digits;
    for (int cpu = CPU_SETSIZE - 4; cpu >= 0; cpu -= 4) {
        int digit = 0;
        for (int bit = 0; bit < 4; ++bit) digit |= CPU_ISSET(cpu + bit, &set) ? 1 << bit : 0;
        if (digit != 0 || !digits.empty()) digits += "0123456789abcdef"[digit];
    }
    return "0x" + digits;
}

void reset_cpu_affinity(pid_t pid) {
    cpu_set_t all;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &all);
    (void)::sched_setaffinity(pid, sizeof all, &all);
}

}  // namespace berth::executor
