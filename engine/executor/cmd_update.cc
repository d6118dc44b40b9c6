#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "engine/base/files.h"
#include "engine/cgroup/settings.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/executor/report.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

using Limits = std::map<std::string, std::string>;

// "512m", "1.5GiB": powers of 1024. -1 stays what it is.
Result<std::int64_t> parse_size(const std::string& text) {
    if (text == "-1") return std::int64_t{-1};
    char* end = nullptr;
    double number = std::strtod(text.c_str(), &end);
    std::string unit = end;
    std::transform(unit.begin(), unit.end(), unit.begin(), ::tolower);
    unit.erase(0, unit.find_first_not_of(' ') == unit.npos ? unit.size() : unit.find_first_not_of(' '));
    static constexpr std::string_view kUnits = "kmgtp";
    std::size_t power = unit.empty() ? unit.npos : kUnits.find(unit[0]);
    std::string rest = power == unit.npos ? unit : unit.substr(1);
    bool right = end != text.c_str() && number >= 0 && std::isfinite(number) &&
                 (rest.empty() || rest == "b" || (rest == "ib" && power != unit.npos));
    if (!right) return bad("invalid size: '" + text + "'");
    return static_cast<std::int64_t>(
        std::ldexp(number, power == unit.npos ? 0 : 10 * (static_cast<int>(power) + 1)));
}

template <class T>
Result<> number(const Limits& limits, const char* name, std::optional<T>& target) {
    auto given = limits.find(name);
    if (given == limits.end() || given->second.empty()) return {};
    T value = 0;
    const std::string& text = given->second;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return bad("invalid value for " + std::string(name) + ": parsing \"" + text + "\": invalid syntax");
    target = value;
    return {};
}

Result<> size(const Limits& limits, const char* name, std::optional<std::int64_t>& target) {
    auto given = limits.find(name);
    if (given == limits.end() || given->second.empty()) return {};
    BERTH_TRY(target, in(std::string("invalid value for ") + name, parse_size(given->second)));
    return {};
}

Result<oci::Resources> resources_of(const Limits& limits) {
    oci::Resources out;
    out.memory.emplace();
    out.cpu.emplace();
    out.block_io.emplace();
    BERTH_CHECK(number(limits, "blkio-weight", out.block_io->weight));
    BERTH_CHECK(number(limits, "cpu-period", out.cpu->period));
    BERTH_CHECK(number(limits, "cpu-quota", out.cpu->quota));
    BERTH_CHECK(number(limits, "cpu-burst", out.cpu->burst));
    BERTH_CHECK(number(limits, "cpu-share", out.cpu->shares));
    BERTH_CHECK(number(limits, "cpu-rt-period", out.cpu->realtime_period));
    BERTH_CHECK(number(limits, "cpu-rt-runtime", out.cpu->realtime_runtime));
    BERTH_CHECK(number(limits, "cpu-idle", out.cpu->idle));
    BERTH_CHECK(number(limits, "pids-limit", out.pids_limit));
    BERTH_CHECK(size(limits, "memory", out.memory->limit));
    BERTH_CHECK(size(limits, "memory-reservation", out.memory->reservation));
    BERTH_CHECK(size(limits, "memory-swap", out.memory->swap));
    BERTH_CHECK(size(limits, "kernel-memory", out.memory->kernel));
    BERTH_CHECK(size(limits, "kernel-memory-tcp", out.memory->kernel_tcp));
    auto text = [&](const char* name) {
        auto given = limits.find(name);
        return given == limits.end() ? std::string() : given->second;
    };
    out.cpu->cpus = text("cpuset-cpus");
    out.cpu->mems = text("cpuset-mems");
    return out;
}

template <class T>
void take(std::optional<T>& old, const std::optional<T>& given) {
    if (given) old = given;
}

// An entry for a device that is known already replaces the old one.
template <class T>
void take_devices(std::vector<T>& old, const std::vector<T>& given) {
    for (const T& device : given) {
        std::erase_if(
            old, [&](const T& other) { return other.major == device.major && other.minor == device.minor; });
        old.push_back(device);
    }
}

void merge_cpu(oci::CpuResources& old, const oci::CpuResources& given) {
    // Quota and period are one setting on version 2: both are taken, or the one that is given beside the old
    // other.
    bool one_only = (given.quota.value_or(0) == 0) != (given.period.value_or(0) == 0);
    if (one_only && given.quota.value_or(0) != 0) {
        old.quota = given.quota;
    } else if (one_only) {
        old.period = given.period;
    } else {
        old.quota = given.quota;
        old.period = given.period;
    }
    take(old.shares, given.shares);
    take(old.realtime_period, given.realtime_period);
    take(old.realtime_runtime, given.realtime_runtime);
    // Not repeated unless they are given: the kernel checks them against the rest.
    old.burst = given.burst;
    old.idle = given.idle;
    // Giving idle up brings the default weight back; a weight of before is no wish of now.
    if (given.idle && !given.shares) old.shares = 0;
    old.cpus = given.cpus;
    old.mems = given.mems;
}

void merge_memory(oci::MemoryResources& old, const oci::MemoryResources& given) {
    take(old.limit, given.limit);
    take(old.reservation, given.reservation);
    take(old.swap, given.swap);
    take(old.swappiness, given.swappiness);
    take(old.disable_oom_killer, given.disable_oom_killer);
    take(old.check_before_update, given.check_before_update);
    // Memory without a limit has no swap beside it.
    if (given.limit == -1 && !given.swap) old.swap = 0;
}

void merge(oci::Resources& old, const oci::Resources& given) {
    if (given.memory) merge_memory(old.memory ? *old.memory : old.memory.emplace(), *given.memory);
    if (given.cpu) merge_cpu(old.cpu ? *old.cpu : old.cpu.emplace(), *given.cpu);
    take(old.pids_limit, given.pids_limit);
    if (given.block_io) {
        oci::BlockIoResources& io = old.block_io ? *old.block_io : old.block_io.emplace();
        take(io.weight, given.block_io->weight);
        take(io.leaf_weight, given.block_io->leaf_weight);
        take_devices(io.weight_devices, given.block_io->weight_devices);
        take_devices(io.throttle_read_bps, given.block_io->throttle_read_bps);
        take_devices(io.throttle_write_bps, given.block_io->throttle_write_bps);
        take_devices(io.throttle_read_iops, given.block_io->throttle_read_iops);
        take_devices(io.throttle_write_iops, given.block_io->throttle_write_iops);
    }
    for (const oci::HugepageLimit& limit : given.hugepage_limits) {
        std::erase_if(old.hugepage_limits,
                      [&](const auto& other) { return other.page_size == limit.page_size; });
        old.hugepage_limits.push_back(limit);
    }
    for (const auto& [device, limit] : given.rdma) old.rdma[device] = limit;
    old.unified = given.unified;
}

Result<oci::Resources> given_resources(const Options& options) {
    if (options.resources_file.empty()) return resources_of(options.limits);
    BERTH_TRY(std::string text,
              options.resources_file == "-" ? read_all(STDIN_FILENO) : read_file(options.resources_file));
    return oci::parse_resources(text);
}

// By flags alone, as with runc.
Result<> update_caches(const Options& options, const ContainerState& state) {
    oci::IntelRdt asked;
    auto text = [&](const char* name) {
        auto given = options.limits.find(name);
        return given == options.limits.end() ? std::string() : given->second;
    };
    asked.l3_cache_schema = text("l3-cache-schema");
    asked.mem_bw_schema = text("mem-bw-schema");
    bool any = !asked.l3_cache_schema.empty() || !asked.mem_bw_schema.empty();
    return any ? update_resctrl(state.resctrl, asked) : Result<>();
}

}  // namespace

Result<> update_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    BERTH_TRY(oci::Resources given, given_resources(options));
    if (status_of(options.root, state) == Status::kStopped)
        return fail(ErrorKind::kConflict, "container not running");
    std::string path = state_folder(options.root, id) + "/resources.json";
    oci::Resources before;
    if (auto text = read_file(path)) {
        BERTH_TRY(before, oci::parse_resources(*text));
    } else {
        BERTH_TRY(oci::RuntimeSpec spec, load_spec(options.root, id));
        before = spec.linux_.resources.value_or(oci::Resources());
    }
    // The devices stay as they are, with what others may have added to them.
    before.devices.clear();
    oci::Resources after = before;
    merge(after, given);
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    for (const std::string& name : cgroup::without_effect(given, group.unified_only()))
        warn(options, "resources." + name + " has no effect with this host's cgroups");
    auto applied = group.apply(after);
    if (!applied) {
        if (auto undone = group.apply(before); !undone)
            warn(options, "setting back cgroup configs failed: " + undone.error().message);
        return applied;
    }
    BERTH_CHECK(update_caches(options, state));
    return replace_file(path, oci::render(after), 0600, Sync::kNone);
}

}  // namespace berth::executor
