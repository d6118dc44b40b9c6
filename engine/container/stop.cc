#include "engine/container/stop.h"

#include <signal.h>

#include "engine/async/race.h"
#include "engine/container/freeze.h"
#include "engine/container/monitor.h"
#include "engine/container/signals.h"

namespace berth::container {

namespace {

constexpr std::int64_t kDefaultStopSeconds = 10;

int stop_signal(const Container& container) {
    auto own = parse_signal(container.config.stop_signal);
    return own ? *own : SIGTERM;
}

// The user's wish outlives a daemon restart.
Async<Result<>> note_stopped_by_user(Core& core, std::string id) {
    auto container = core.store.get(id);
    if (!container || container->state.stopped_by_user || core.shutting_down) co_return Result<>();
    State state = container->state;
    state.stopped_by_user = true;
    co_return co_await core.store.save_state(id, std::move(state));
}

// A container in the pause before its restart stops by not coming back. Under its lock.
Async<Result<Outcome>> stop_restarting(Core& core, ContainerPtr container) {
    cancel_restart(core, container->id);
    State state = container->state;
    state.status = Status::kExited;
    state.stopped_by_user = true;
    BERTH_CO_CHECK(co_await core.store.save_state(container->id, std::move(state)));
    core.publish(*container, "stop");
    co_return Outcome::kChanged;
}

}  // namespace

Async<Result<>> send_signal(Core& core, std::string id, int signal) {
    {
        BERTH_CO_TRY(auto guard, co_await core.locks.lock(id));
        auto container = core.store.get(id);
        if (!container || !container->state.live()) {
            co_return fail(ErrorKind::kConflict, "container " + id + " is not running");
        }
        if (signal == SIGKILL || signal == stop_signal(*container)) {
            BERTH_CO_CHECK(co_await note_stopped_by_user(core, id));
        }
    }
    auto killed = co_await core.parts.tasks.kill(id, signal);
    // Gone already: the exit is on its way through the monitor.
    if (!killed && killed.error().kind != ErrorKind::kConflict) co_return killed;
    auto container = core.store.get(id);
    if (!container) co_return Result<>();
    core.publish(*container, "kill", {{"signal", std::to_string(signal)}});
    // What is to end has to run for it.
    bool ends =
        container->config.stop_signal.empty() || signal == SIGKILL || signal == stop_signal(*container);
    if (ends && container->state.status == Status::kPaused) (void)co_await run_unpause(core, container);
    co_return Result<>();
}

Async<bool> wait_for_exit(Core& core, std::string id, std::chrono::nanoseconds limit) {
    auto container = core.store.get(id);
    if (!container || !container->state.live()) co_return true;
    auto waiting = core.waits.subscribe(id, WaitCondition::kNotRunning);
    auto exit = waiting->result();
    if (limit < std::chrono::nanoseconds::zero()) {
        auto result = co_await std::move(exit);
        co_return result.has_value();
    }
    std::string what = "exit of container";
    auto result = co_await async::with_deadline(limit, std::move(what), std::move(exit));
    co_return result.has_value();
}

Async<Result<Outcome>> run_stop(Core& core, std::string id, StopOptions options) {
    auto container = core.store.get(id);
    if (!container) co_return Outcome::kUnchanged;
    if (!container->state.live() && container->state.status != Status::kRestarting)
        co_return Outcome::kUnchanged;
    int signal = stop_signal(*container);
    if (!options.signal.empty()) {
        BERTH_CO_TRY(signal, parse_signal(options.signal));
    }
    BERTH_CO_TRY(auto guard, co_await core.locks.lock(id));
    // It may have ended, or come back, while somebody else held the lock.
    container = core.store.get(id);
    if (!container) co_return Outcome::kUnchanged;
    if (container->state.status == Status::kRestarting) co_return co_await stop_restarting(core, container);
    if (!container->state.live()) co_return Outcome::kUnchanged;
    const Underway stopping(core.stops, id);
    std::int64_t seconds =
        options.seconds.value_or(container->config.stop_timeout.value_or(kDefaultStopSeconds));
    BERTH_CO_CHECK(co_await note_stopped_by_user(core, id));
    guard.unlock();
    (void)co_await send_signal(core, id, signal);
    // Longer than a century is for ever, and does not overflow.
    if (seconds > 3'000'000'000) seconds = -1;
    bool gone = co_await wait_for_exit(core, id, std::chrono::seconds(seconds));
    if (gone) co_return Outcome::kChanged;
    (void)co_await send_signal(core, id, SIGKILL);
    bool killed = co_await wait_for_exit(core, id, std::chrono::seconds(10));
    if (!killed) {
        co_return fail(ErrorKind::kInternal, "tried to kill container, but did not receive an exit event");
    }
    co_return Outcome::kChanged;
}

}  // namespace berth::container
