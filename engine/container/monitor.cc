#include "engine/container/monitor.h"

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/log.h"
#include "engine/container/mounting.h"
#include "engine/container/removal.h"
#include "engine/container/start_transaction.h"
#include "engine/container/state_machine.h"

namespace berth::container {

namespace {

Async<void> remove_by_itself(Core& core, std::string id) {
    auto guard = co_await core.locks.lock(id);
    if (!guard) co_return;
    auto container = core.store.get(id);
    if (!container || container->state.live()) co_return;
    auto removed = co_await remove_stopped(core, id, true);
    if (!removed) log::error("auto-remove failed", {{"container", id}, {"error", removed.error().message}});
}

// Network and task go while nobody waits; errors leave something to the next recover(), never a wrong state.
Async<void> release_resources(Core& core, std::string id) {
    auto detach = [&core, id] { return core.parts.networks.detach(id); };
    auto detached = co_await core.parts.pool.run(std::move(detach));
    if (!detached)
        log::warning("cannot take down a network", {{"container", id}, {"error", detached.error().message}});
    auto removed = co_await core.parts.tasks.remove(id);
    if (!removed)
        log::warning("cannot remove a task", {{"container", id}, {"error", removed.error().message}});
    auto container = core.store.get(id);
    if (!container || container->mounts.empty()) co_return;
    auto unmount = [&core, container] { release_mounts(core, *container); };
    co_await core.parts.mount_pool.run(std::move(unmount));
}

// Whether the container runs again (in a moment); false when this is the end.
struct AfterExit {
    bool restart = false;
    bool remove = false;
    std::chrono::nanoseconds ran{};
};

Async<Result<AfterExit>> record_exit(Core& core, std::string id, supervisor::TaskExit exit) {
    AfterExit next;
    BERTH_CO_TRY(auto guard, co_await core.locks.lock(id));
    auto container = core.store.get(id);
    if (!container) co_return next;
    if (exit.oom_killed) core.publish(*container, "oom");
    co_await release_resources(core, id);
    container = core.store.get(id);
    next.ran = exit.exited_at - container->state.started_at;
    next.restart = !core.shutting_down && wants_restart(*container, exit.exit_code);
    next.remove = !next.restart && container->host.auto_remove && !core.restarts.contains(id);
    State state = after_exit(container->state, exit);
    if (next.restart) {
        state.status = Status::kRestarting;
        ++state.restart_count;
        core.restart_pauses[id] = std::make_shared<async::Event>(core.parts.io);
    }
    if (next.remove) {
        core.store.set_state(id, state);
    } else {
        auto saved = co_await core.store.save_state(id, state);
        if (!saved)
            log::error("an exit is not on disk", {{"container", id}, {"error", saved.error().message}});
    }
    // dockerd's order: whoever asked for the stop is answered before the end is told.
    if (core.stops.contains(id)) core.publish(*container, "stop");
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(next.ran).count();
    core.publish(*container, "die",
                 {{"exitCode", std::to_string(exit.exit_code)}, {"execDuration", std::to_string(seconds)}});
    core.waits.exited(id, {exit.exit_code, exit.error});
    co_return next;
}

// false: somebody stopped or removed the container in the meantime, or it could not be started.
Async<bool> restart_after(Core& core, std::string id, std::chrono::milliseconds delay) {
    auto found = core.restart_pauses.find(id);
    if (found == core.restart_pauses.end()) co_return false;
    auto pause = found->second;
    auto sleeping = async::sleep_for(delay);
    auto cancelled = pause->wait();
    auto first = co_await async::race(std::move(sleeping), std::move(cancelled));
    if (first.index() == 1 || !std::get<0>(first)) co_return false;
    auto guard = co_await core.locks.lock(id);
    auto container = core.store.get(id);
    if (!guard || !container || pause->is_set() || container->state.status != Status::kRestarting)
        co_return false;
    core.restart_pauses.erase(id);
    auto started = co_await run_start(core, container);
    if (!started) {
        log::error("restart failed", {{"container", id}, {"error", started.error().message}});
        co_return false;
    }
    co_return true;
}

Async<void> watch_runs(Core& core, std::string id) {
    std::chrono::milliseconds delay{0};
    for (;;) {
        auto exit = co_await core.parts.tasks.wait(id);
        if (!exit) {
            if (exit.error().kind != ErrorKind::kCancelled) {
                log::error("lost sight of a container", {{"container", id}, {"error", exit.error().message}});
            }
            co_return;
        }
        auto next = co_await record_exit(core, id, *exit);
        if (!next) co_return;
        if (next->remove) co_await remove_by_itself(core, id);
        if (!next->restart) co_return;
        delay = restart_delay(delay, next->ran);
        bool again = co_await restart_after(core, id, delay);
        if (!again) co_return;
    }
}

}  // namespace

void watch(Core& core, const std::string& id) {
    core.gate.spawn(watch_runs(core, id));
}

void cancel_restart(Core& core, const std::string& id) {
    auto pause = core.restart_pauses.find(id);
    if (pause == core.restart_pauses.end()) return;
    pause->second->set();
    core.restart_pauses.erase(pause);
}

Async<Result<>> start_and_watch(Core& core, ContainerPtr container) {
    std::string id = container->id;
    // Only restarts by the policy count, since the last start by a user.
    State state = container->state;
    state.restart_count = 0;
    container = core.store.set_state(id, std::move(state));
    auto started = co_await run_start(core, container);
    if (started) {
        watch(core, id);
    } else if (container->host.auto_remove) {
        core.gate.spawn(remove_by_itself(core, id));
    }
    co_return started;
}

}  // namespace berth::container
