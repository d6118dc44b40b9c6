#include "engine/container/update.h"

#include "engine/cgroup/cgroup.h"
#include "engine/container/resources.h"

namespace berth::container {

namespace {

Failure conflict(const std::string& id, std::string why) {
    return fail(ErrorKind::kConflict, "Cannot update container " + id + ": " + std::move(why));
}

template <class T>
void take(T& into, const T& change) {
    if (change != T()) into = change;
}

template <class T>
void take(std::vector<T>& into, const std::vector<T>& change) {
    if (!change.empty()) into = change;
}

// Shares of CPUs are the period and quota by another name: whichever was first stays.
Result<> check_cpu_conflicts(const Container& container, const types::HostConfig& changes) {
    const types::HostConfig& host = container.host;
    auto cannot = [&](const char* what, const char* because) {
        return conflict(container.id, std::string("Conflicting options: ") + what + " cannot be updated as " +
                                          because + " has already been set");
    };
    if (changes.nano_cpus > 0 && host.cpu_period > 0) return cannot("Nano CPUs", "CPU Period");
    if (changes.nano_cpus > 0 && host.cpu_quota > 0) return cannot("Nano CPUs", "CPU Quota");
    if (changes.cpu_period > 0 && host.nano_cpus > 0) return cannot("CPU Period", "NanoCPUs");
    if (changes.cpu_quota > 0 && host.nano_cpus > 0) return cannot("CPU Quota", "NanoCPUs");
    return {};
}

// The old configuration under the changes: what is not given stays.
Result<types::HostConfig> merge(const Container& container, const types::HostConfig& changes) {
    types::HostConfig host = container.host;
    BERTH_CHECK(check_cpu_conflicts(container, changes));
    // Also where there is none, as in Docker.
    if (changes.memory > 0 && changes.memory > host.memory_swap && changes.memory_swap == 0) {
        return conflict(
            container.id,
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at "
            "the same time");
    }
    take(host.cpu_shares, changes.cpu_shares);
    take(host.blkio_weight, changes.blkio_weight);
    take(host.blkio_weight_device, changes.blkio_weight_device);
    take(host.blkio_read_bps, changes.blkio_read_bps);
    take(host.blkio_write_bps, changes.blkio_write_bps);
    take(host.blkio_read_iops, changes.blkio_read_iops);
    take(host.blkio_write_iops, changes.blkio_write_iops);
    take(host.cpu_realtime_period, changes.cpu_realtime_period);
    take(host.cpu_realtime_runtime, changes.cpu_realtime_runtime);
    take(host.nano_cpus, changes.nano_cpus);
    take(host.cpu_period, changes.cpu_period);
    take(host.cpu_quota, changes.cpu_quota);
    take(host.cpuset_cpus, changes.cpuset_cpus);
    take(host.cpuset_mems, changes.cpuset_mems);
    take(host.memory, changes.memory);
    take(host.memory_swap, changes.memory_swap);
    take(host.memory_reservation, changes.memory_reservation);
    if (changes.pids_limit) host.pids_limit = changes.pids_limit;
    if (!changes.restart_policy.name.empty()) {
        if (host.auto_remove && changes.restart_policy.name != "no") {
            return conflict(
                container.id,
                "Restart policy cannot be updated because AutoRemove is enabled for the container");
        }
        host.restart_policy = changes.restart_policy;
    }
    return host;
}

const cgroup::HostSupport& host_support() {
    static const cgroup::HostSupport kSupport = cgroup::read_host_support();
    return kSupport;
}

Result<> apply(const Core& core, const Container& container, const types::HostConfig& host) {
    BERTH_TRY(auto layout, cgroup::current_layout());
    BERTH_TRY(auto group, cgroup::Cgroup::at(layout, core.cgroup_path(container)));
    BERTH_TRY(oci::Resources wanted, resources(host));
    // -1 lifts the limit on processes; at a start there is nothing to lift.
    if (host.pids_limit && *host.pids_limit <= 0 && container.host.pids_limit) wanted.pids_limit = -1;
    bool larger = host.memory_swap > container.host.memory_swap && container.host.memory_swap > 0;
    if (larger && !group.unified_only()) {
        // Version 1 wants memory below memory and swap at every moment.
        oci::Resources swap_first;
        swap_first.memory = oci::MemoryResources();
        swap_first.memory->swap = host.memory_swap;
        BERTH_CHECK(group.apply(swap_first));
    }
    return group.apply(wanted);
}

}  // namespace

Async<Result<std::vector<std::string>>> run_update(Core& core, std::string ref, types::HostConfig changes) {
    BERTH_CO_TRY(auto found, core.store.find(ref));
    std::vector<std::string> warnings;
    BERTH_CO_CHECK(check_resources(changes, host_support(), true, warnings));
    // Every number below one means no limit, and is kept as one of them.
    if (changes.pids_limit && *changes.pids_limit <= 0) changes.pids_limit = 0;
    types::HostConfig completed = changes;
    BERTH_CO_CHECK(check_restart_policy(completed));
    BERTH_CO_TRY(auto guard, co_await core.locks.lock(found->id));
    auto container = core.store.get(found->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + ref);
    if (container->state.status == Status::kRemoving || container->state.status == Status::kDead)
        co_return conflict(container->id, "container is marked for removal and cannot be \"update\"");
    BERTH_CO_TRY(auto host, merge(*container, changes));
    if (container->state.live()) {
        auto work = [&core, container, host] { return apply(core, *container, host); };
        auto applied = co_await core.parts.pool.run(std::move(work));
        if (!applied) {
            std::string phrase = "Cannot update container " + container->id;
            co_return Failure(std::move(applied.error()).in(phrase));
        }
    }
    Container changed = *container;
    changed.host = std::move(host);
    BERTH_CO_CHECK(co_await core.store.update(std::move(changed)));
    core.publish(*container, "update");
    co_return warnings;
}

}  // namespace berth::container
