#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/cgroup/details.h"
#include "engine/cgroup/stats.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

using Json = nlohmann::ordered_json;

void unless_zero(Json& json, const char* name, std::uint64_t value) {
    if (value != 0) json[name] = value;
}

Json use_json(const cgroup::Use& use) {
    Json json = {{"limit", use.limit}};
    unless_zero(json, "usage", use.usage);
    unless_zero(json, "max", use.max);
    json["failcnt"] = use.fail_count;
    return json;
}

void add_pressure(Json& json, const cgroup::Details& details, const char* what) {
    auto found = details.pressure.find(what);
    if (found == details.pressure.end()) return;
    for (const auto& [kind, one] : found->second) {
        json["psi"][kind] = {
            {"avg10", one.avg10}, {"avg60", one.avg60}, {"avg300", one.avg300}, {"total", one.total}};
    }
}

Json cpu_json(const cgroup::Stats& stats, const cgroup::Details& details) {
    Json usage = Json::object();
    unless_zero(usage, "total", stats.cpu_total);
    if (!stats.cpu_each.empty()) usage["percpu"] = stats.cpu_each;
    usage["kernel"] = stats.cpu_kernel;
    usage["user"] = stats.cpu_user;
    Json throttling = Json::object();
    unless_zero(throttling, "periods", stats.periods);
    unless_zero(throttling, "throttledPeriods", stats.throttled_periods);
    unless_zero(throttling, "throttledTime", stats.throttled_time);
    Json json = {{"usage", usage}, {"throttling", throttling}};
    add_pressure(json, details, "cpu");
    return json;
}

Json memory_json(const cgroup::Stats& stats, const cgroup::Details& details) {
    Json json = Json::object();
    auto raw = [&](const char* name) {
        auto found = stats.memory.find(name);
        return found == stats.memory.end() ? 0 : found->second;
    };
    unless_zero(json, "cache", raw(stats.unified ? "file" : "cache"));
    constexpr auto kNone = ~std::uint64_t{0};
    json["usage"] = use_json({stats.memory_usage, stats.memory_max_usage,
                              stats.memory_limit == 0 ? kNone : stats.memory_limit, stats.memory_fail_count});
    json["swap"] = use_json(details.swap);
    json["kernel"] = use_json(details.kernel);
    json["kernelTCP"] = use_json(details.kernel_tcp);
    json["raw"] = stats.memory;
    add_pressure(json, details, "memory");
    return json;
}

Json entries(const std::vector<cgroup::BlockIo>& items) {
    Json out = Json::array();
    for (const cgroup::BlockIo& item : items) {
        Json one = Json::object();
        unless_zero(one, "major", item.major);
        unless_zero(one, "minor", item.minor);
        one["op"] = item.operation;
        unless_zero(one, "value", item.value);
        out.push_back(one);
    }
    return out;
}

Json stats_json(const cgroup::Stats& stats, const cgroup::Details& details) {
    Json pids = Json::object();
    unless_zero(pids, "current", stats.processes);
    unless_zero(pids, "limit", stats.processes_limit);
    Json io = Json::object();
    if (!stats.io_bytes.empty()) io["ioServiceBytesRecursive"] = entries(stats.io_bytes);
    if (!stats.io_operations.empty()) io["ioServicedRecursive"] = entries(stats.io_operations);
    add_pressure(io, details, "io");
    Json huge = Json::object();
    for (const auto& [size, use] : details.huge) {
        Json one = Json::object();
        unless_zero(one, "usage", use.usage);
        unless_zero(one, "max", use.max);
        one["failcnt"] = use.fail_count;
        huge[size] = one;
    }
    Json cpuset = Json::object();
    if (!details.cpus.empty()) cpuset["cpus"] = details.cpus;
    if (!details.memory_nodes.empty()) cpuset["mems"] = details.memory_nodes;
    return {{"cpu", cpu_json(stats, details)},
            {"cpuset", cpuset},
            {"memory", memory_json(stats, details)},
            {"pids", pids},
            {"blkio", io},
            {"hugetlb", huge},
            {"intel_rdt", Json::object()},
            {"network_interfaces", nullptr}};
}

Result<> tell(const char* type, const std::string& id, Json data) {
    Json json = {{"type", type}, {"id", id}};
    if (!data.is_null()) json["data"] = std::move(data);
    return write_all(STDOUT_FILENO, json.dump() + "\n");
}

Result<> tell_stats(const std::string& id, const cgroup::Cgroup& group) {
    BERTH_TRY(cgroup::Stats stats, in("unable to get container cgroup stats", cgroup::read_stats(group)));
    return tell("stats", id, stats_json(stats, cgroup::read_details(group)));
}

// Readable when the kernel has killed for memory, or the cgroup is gone.
UniqueFd oom_events(const cgroup::Cgroup& group) {
    std::string file = cgroup::oom_file(group);
    if (file.empty()) return {};
    if (group.unified_only()) {
        UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        if (watch && ::inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY) < 0) watch.reset();
        return watch;
    }
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        control(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!event || !control) return {};
    std::string wish = std::to_string(event.get()) + " " + std::to_string(control.get());
    std::string folder = file.substr(0, file.rfind('/'));
    if (!write_file(folder + "/cgroup.event_control", wish)) return {};
    return event;
}

Result<> watch(const std::string& id, const ContainerState& state, const cgroup::Cgroup& group,
               std::chrono::nanoseconds interval) {
    auto init = hold_init(state);
    if (!init) return {};
    UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), oom = oom_events(group);
    timespec each{static_cast<time_t>(interval.count() / 1'000'000'000),
                  static_cast<long>(interval.count() % 1'000'000'000)};
    itimerspec times{each, each};
    if (!timer || ::timerfd_settime(timer.get(), 0, &times, nullptr) != 0) return fail_errno("timer");
    std::uint64_t kills = cgroup::oom_kills(group);
    for (;;) {
        pollfd wait[] = {{timer.get(), POLLIN, 0}, {oom.get(), POLLIN, 0}};
        BERTH_TRY(bool ended, sys::poll_for_end(init->get(), wait));
        char drained[4096];
        if (wait[1].revents != 0) {
            (void)!::read(oom.get(), drained, sizeof drained);
            // Version 1 notifies before it kills and counts, and once more when the cgroup goes.
            std::uint64_t now = cgroup::oom_kills(group);
            bool killed = group.unified_only() ? now > kills : exists(cgroup::oom_file(group));
            if (killed) BERTH_CHECK(tell("oom", id, nullptr));
            kills = now;
        }
        if (ended) return {};
        if (wait[0].revents != 0) {
            (void)!::read(timer.get(), drained, sizeof(std::uint64_t));
            // Between the end of a container and its deletion there may be nothing to count any more.
            BERTH_CHECK(tell_stats(id, group));
        }
    }
}

}  // namespace

Result<> events_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    BERTH_TRY(std::chrono::nanoseconds interval, parse_duration(options.interval));
    if (interval.count() <= 0)
        return fail(ErrorKind::kInvalidArgument, "duration interval must be greater than 0");
    if (status_of(options.root, state) == Status::kStopped)
        return fail(ErrorKind::kConflict, "container with id " + id + " is not running");
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    return options.stats ? tell_stats(id, group) : watch(id, state, group, interval);
}

}  // namespace berth::executor
