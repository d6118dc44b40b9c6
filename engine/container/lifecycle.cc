#include "engine/container/lifecycle.h"

#include <signal.h>

#include "engine/async/race.h"
#include "engine/container/create_transaction.h"
#include "engine/container/freeze.h"
#include "engine/container/monitor.h"
#include "engine/container/names.h"
#include "engine/container/prune.h"
#include "engine/container/removal.h"
#include "engine/container/signals.h"
#include "engine/container/state_machine.h"
#include "engine/container/stop.h"
#include "engine/container/update.h"

namespace berth::container {

namespace {

class Lifecycle final : public ContainerLifecycle {
 public:
    explicit Lifecycle(Core& core) : core_(core) {}

    Async<Result<Created>> create(CreateRequest request) override {
        return run_create(core_, std::move(request));
    }
    Async<Result<Outcome>> start(std::string ref) override;
    Async<Result<Outcome>> stop(std::string ref, StopOptions options) override;
    Async<Result<>> restart(std::string ref, StopOptions options) override;
    Async<Result<>> kill(std::string ref, std::string signal) override;
    Async<Result<std::vector<std::string>>> update(std::string ref, types::HostConfig changes) override {
        return run_update(core_, std::move(ref), std::move(changes));
    }
    Async<Result<>> pause(std::string ref) override {
        BERTH_CO_TRY(auto found, core_.store.find(ref));
        co_return co_await run_pause(core_, found);
    }
    Async<Result<>> unpause(std::string ref) override {
        BERTH_CO_TRY(auto found, core_.store.find(ref));
        co_return co_await run_unpause(core_, found);
    }
    Async<Result<>> remove(std::string ref, RemoveOptions options) override;
    Async<Result<>> rename(std::string ref, std::string name) override;
    Async<Result<Pruned>> prune(Filters filters) override { return run_prune(core_, std::move(filters)); }
    Result<std::unique_ptr<Waiting>> wait(const std::string& ref, WaitCondition condition) override;

 private:
    Async<Result<>> stop_and_start(std::string id, StopOptions options);
    Async<Result<>> unlink(std::string ref);

    Core& core_;
};

Async<Result<Outcome>> Lifecycle::start(std::string ref) {
    BERTH_CO_TRY(auto found, core_.store.find(ref));
    BERTH_CO_TRY(auto guard, co_await core_.locks.lock(found->id));
    auto container = core_.store.get(found->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + ref);
    BERTH_CO_TRY(auto decision, decide_start(*container));
    if (decision == StartDecision::kAlreadyRunning) co_return Outcome::kUnchanged;
    BERTH_CO_CHECK(co_await start_and_watch(core_, container));
    co_return Outcome::kChanged;
}

Async<Result<Outcome>> Lifecycle::stop(std::string ref, StopOptions options) {
    BERTH_CO_TRY(auto container, core_.store.find(ref));
    auto stopped = co_await run_stop(core_, container->id, std::move(options));
    if (!stopped) {
        if (stopped.error().kind == ErrorKind::kInvalidArgument) stopped.error().kind = ErrorKind::kInternal;
        co_return Failure(std::move(stopped.error()).in("cannot stop container: " + ref));
    }
    co_return stopped;
}

Async<Result<>> Lifecycle::restart(std::string ref, StopOptions options) {
    BERTH_CO_TRY(auto found, core_.store.find(ref));
    auto done = co_await stop_and_start(found->id, std::move(options));
    // Whatever it was: Docker's clients know the text, and no other status.
    if (!done)
        co_return fail(ErrorKind::kInternal, "Cannot restart container " + ref + ": " + done.error().message);
    co_return Result<>();
}

Async<Result<>> Lifecycle::stop_and_start(std::string id, StopOptions options) {
    const Underway restarting(core_.restarts, id);
    BERTH_CO_CHECK(co_await run_stop(core_, id, std::move(options)));
    BERTH_CO_TRY(auto guard, co_await core_.locks.lock(id));
    auto container = core_.store.get(id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + id);
    if (!container->state.live()) {
        BERTH_CO_CHECK(co_await start_and_watch(core_, container));
    }
    core_.publish(*container, "restart");
    co_return Result<>();
}

Async<Result<>> Lifecycle::kill(std::string ref, std::string signal) {
    const std::string phrase = "cannot kill container: " + ref;
    BERTH_CO_TRY(auto container, in(phrase, core_.store.find(ref)));
    auto number = parse_signal(signal.empty() ? "KILL" : signal);
    if (!number) co_return Failure(std::move(number.error()).in(phrase));
    if (!container->state.live()) {
        // Its start may be at work: what it prints can be seen before its start is answered.
        BERTH_CO_TRY(auto guard, co_await core_.locks.lock(container->id));
        BERTH_CO_TRY(container, in(phrase, core_.store.find(container->id)));
    }
    if (!container->state.live()) {
        co_return fail(ErrorKind::kConflict, phrase + ": container " + container->id + " is not running");
    }
    auto killed = co_await send_signal(core_, container->id, *number);
    if (!killed) co_return Failure(std::move(killed.error()).in(phrase));
    if (*number == SIGKILL) (void)co_await wait_for_exit(core_, container->id, std::chrono::seconds(10));
    co_return Result<>();
}

Async<Result<>> Lifecycle::remove(std::string ref, RemoveOptions options) {
    if (options.link) co_return co_await unlink(std::move(ref));
    BERTH_CO_TRY(auto found, core_.store.find(ref));
    std::string id = found->id;
    if (found->state.status == Status::kRemoving) {
        co_return fail(ErrorKind::kConflict, "removal of container " + ref + " is already in progress");
    }
    if (found->state.status == Status::kRestarting) {
        if (!options.force) {
            co_return fail(
                ErrorKind::kConflict,
                "cannot remove container \"" + found->name +
                    "\": container is restarting: stop the container before removing or force remove");
        }
        cancel_restart(core_, id);
    }
    for (int attempt = 0; attempt < 3; ++attempt) {
        BERTH_CO_TRY(auto guard, co_await core_.locks.lock(id));
        auto container = core_.store.get(id);
        if (!container) co_return Result<>();
        if (!container->state.live()) co_return co_await remove_stopped(core_, id, options.volumes);
        if (!options.force) {
            bool paused = container->state.status == Status::kPaused;
            co_return fail(ErrorKind::kConflict,
                           "cannot remove container \"" + container->name + "\": container is " +
                               (paused ? "paused and must be unpaused first"
                                       : "running: stop the container before removing or force remove"));
        }
        guard.unlock();
        auto killed = co_await send_signal(core_, id, SIGKILL);
        bool gone = co_await wait_for_exit(core_, id, std::chrono::seconds(10));
        if (killed && !gone) break;
    }
    co_return fail(ErrorKind::kInternal, "cannot remove container \"" + ref + "\": could not kill container");
}

// "web/data": the container "web" forgets what it calls "data"; both stay.
Async<Result<>> Lifecycle::unlink(std::string ref) {
    std::string name = ref.starts_with('/') ? ref.substr(1) : ref;
    BERTH_CO_CHECK(core_.store.find(name));
    auto slash = name.find('/');
    if (slash == name.npos) {
        co_return fail(ErrorKind::kInternal,
                       "Conflict, cannot remove the default link name of the container");
    }
    BERTH_CO_TRY(auto parent, core_.store.find(name.substr(0, slash)));
    BERTH_CO_TRY(auto guard, co_await core_.locks.lock(parent->id));
    auto container = core_.store.get(parent->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + ref);
    Container changed = *container;
    std::erase_if(changed.links, [&](const Link& link) { return link.alias == name.substr(slash + 1); });
    co_return co_await core_.store.update(std::move(changed));
}

Async<Result<>> Lifecycle::rename(std::string ref, std::string name) {
    BERTH_CO_TRY(auto found, core_.store.find(ref));
    if (name.empty()) {
        co_return fail(ErrorKind::kInvalidArgument, "Neither old nor new names may be empty");
    }
    BERTH_CO_TRY(auto fresh,
                 in("Error when allocating new name", check_name(name.starts_with('/') ? name : "/" + name)));
    BERTH_CO_TRY(auto guard, co_await core_.locks.lock(found->id));
    auto container = core_.store.get(found->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + ref);
    if (container->name == fresh) {
        co_return fail(ErrorKind::kInvalidArgument,
                       "Renaming a container with the same name as its current name");
    }
    BERTH_CO_CHECK(in("Error when allocating new name", core_.store.reserve_name(fresh, found->id)));
    auto renamed = co_await core_.store.rename(found->id, fresh);
    if (!renamed) {
        core_.store.release_name(fresh, found->id);
        co_return renamed;
    }
    auto rename_endpoints = [this, container, fresh] {
        core_.parts.networks.rename(container->id, container->name, fresh);
    };
    co_await core_.parts.pool.run(std::move(rename_endpoints));
    core_.publish(*core_.store.get(found->id), "rename", {{"oldName", "/" + container->name}});
    co_return Result<>();
}

Result<std::unique_ptr<Waiting>> Lifecycle::wait(const std::string& ref, WaitCondition condition) {
    BERTH_TRY(auto container, core_.store.find(ref));
    const State& state = container->state;
    bool running = state.live() || state.status == Status::kRestarting;
    if (condition == WaitCondition::kNotRunning && !running) {
        return core_.waits.answered({state.exit_code, state.error});
    }
    return core_.waits.subscribe(container->id, condition);
}

}  // namespace

std::unique_ptr<ContainerLifecycle> make_lifecycle(Core& core) {
    return std::make_unique<Lifecycle>(core);
}

}  // namespace berth::container
