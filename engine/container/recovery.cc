#include "engine/container/recovery.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/base/log.h"
#include "engine/container/commit.h"
#include "engine/container/health.h"
#include "engine/container/monitor.h"
#include "engine/container/mounting.h"
#include "engine/container/removal.h"
#include "engine/container/state_machine.h"

namespace berth::container {

namespace {

using Tasks = std::map<std::string, supervisor::Task>;

// Snapshots and folders that belong to no container.
void remove_all_remains(Core& core, std::set<std::string> remains, const std::set<std::string>& known) {
    if (auto snapshots = core.parts.snapshots.list()) {
        for (const auto& snapshot : *snapshots) {
            const std::string owner = snapshot.committed ? "" : snapshot_owner(snapshot.key);
            if (!owner.empty() && !known.contains(owner)) remains.insert(owner);
        }
    }
    for (const auto& id : remains) {
        log::info("removing what is left of a container", {{"container", id}});
        remove_remains(core, id);
    }
}

// A task that runs or ran: the container's state as a start would have left it, and the monitor on it.
Async<void> adopt(Core& core, ContainerPtr container, supervisor::Task task) {
    if (task.status == supervisor::Task::Status::kCreated) {
        (void)co_await core.parts.tasks.remove(container->id);
        co_return;
    }
    State state = container->state;
    // One that ended meanwhile is known by its exit alone, which says neither pid nor start.
    const bool gone = task.pid == 0 && task.exit.has_value();
    if (!state.live() || (!gone && state.pid != task.pid)) {
        // The daemon died between the start and its record.
        state = after_start(state, task.pid, gone ? task.exit->exited_at : task.started_at);
        (void)co_await core.store.save_state(container->id, state);
    }
    bool paused = task.status == supervisor::Task::Status::kPaused;
    if (container->state.live() && paused != (container->state.status == Status::kPaused)) {
        State now_state = core.store.get(container->id)->state;
        now_state.status = paused ? Status::kPaused : Status::kRunning;
        (void)co_await core.store.save_state(container->id, std::move(now_state));
    }
    if (task.health) note_health(core, container->id, *task.health);
    watch(core, container->id);
}

// It was running when the daemon died, and nobody knows of it any more: the machine was switched off.
Async<void> note_lost(Core& core, ContainerPtr container) {
    if (!container->state.live() && container->state.status != Status::kRestarting) co_return;
    supervisor::TaskExit exit;
    exit.exit_code = 137;
    exit.exited_at = now();
    exit.error = container->state.live() ? "the container did not survive the end of the daemon" : "";
    if (!container->state.live()) exit.exit_code = container->state.exit_code;
    State state = after_exit(container->state, exit);
    (void)co_await core.store.save_state(container->id, std::move(state));
}

Async<void> settle(Core& core, std::string id, bool restarting) {
    auto guard = co_await core.locks.lock(id);
    auto container = core.store.get(id);
    if (!guard || !container || container->state.live()) co_return;
    bool ran = container->state.started_at != kNever;
    if (container->host.auto_remove && ran) {
        (void)co_await remove_stopped(core, id, true);
        co_return;
    }
    if (!restarting && !wants_start_at_boot(*container)) co_return;
    auto started = co_await start_and_watch(core, container);
    if (!started)
        log::error("cannot start a container", {{"container", id}, {"error", started.error().message}});
}

std::vector<volumes::VolumeUse> volume_uses(const Core& core, const std::vector<std::string>& live) {
    std::vector<volumes::VolumeUse> uses;
    for (const auto& container : core.store.list()) {
        bool runs = std::find(live.begin(), live.end(), container->id) != live.end();
        for (const auto& mount : container->mounts)
            if (mount.type == "volume") uses.push_back({mount.name, container->id, runs});
    }
    return uses;
}

}  // namespace

Async<Result<>> run_recovery(Core& core, std::vector<std::string> remains) {
    BERTH_CO_TRY(auto found, co_await core.parts.tasks.recover());
    Tasks tasks;
    for (auto& task : found) tasks[task.id] = std::move(task);
    std::vector<std::string> live, settled;
    std::set<std::string> known, restarting;
    for (const auto& container : core.store.list()) {
        known.insert(container->id);
        auto task = tasks.find(container->id);
        if (task == tasks.end()) {
            if (container->state.status == Status::kRestarting) restarting.insert(container->id);
            co_await note_lost(core, container);
            settled.push_back(container->id);
            continue;
        }
        using TaskStatus = supervisor::Task::Status;
        bool runs = task->second.status == TaskStatus::kRunning || task->second.status == TaskStatus::kPaused;
        if (runs) live.push_back(container->id);
        if (task->second.status == TaskStatus::kCreated) settled.push_back(container->id);
    }
    auto networks = [&core, &live] { return core.parts.networks.recover(live); };
    auto recovered = co_await core.parts.pool.run(std::move(networks));
    if (!recovered) log::error("networks are not as they should be", {{"error", recovered.error().message}});
    auto volumes = [&core, uses = volume_uses(core, live)] { return core.parts.volumes.recover(uses); };
    recovered = co_await core.parts.pool.run(std::move(volumes));
    if (!recovered) log::error("volumes are not as they should be", {{"error", recovered.error().message}});
    auto sweep = [&core, &remains, &known] {
        remove_all_remains(core, std::set<std::string>(remains.begin(), remains.end()), known);
    };
    co_await core.parts.pool.run(std::move(sweep));
    for (auto& [id, task] : tasks) {
        auto container = core.store.get(id);
        if (container) {
            co_await adopt(core, container, task);
            continue;
        }
        log::warning("a task without a container is ended", {{"container", id}});
        (void)co_await core.parts.tasks.kill(id, 9);
        (void)co_await core.parts.tasks.remove(id);
    }
    co_await release_held_before(core);
    for (const auto& id : settled) core.gate.spawn(settle(core, id, restarting.contains(id)));
    co_return Result<>();
}

}  // namespace berth::container
