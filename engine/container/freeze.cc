#include "engine/container/freeze.h"

namespace berth::container {

namespace {

Async<Result<>> save_status(Core& core, std::string id, Status status) {
    auto container = core.store.get(id);
    // It may have ended meanwhile; the monitor has the last word.
    if (!container || !container->state.live()) co_return Result<>();
    State state = container->state;
    state.status = status;
    co_return co_await core.store.save_state(id, std::move(state));
}

}  // namespace

Async<Result<>> run_pause(Core& core, ContainerPtr found) {
    BERTH_CO_TRY(auto guard, co_await core.locks.lock(found->id));
    auto container = core.store.get(found->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + found->id);
    if (container->state.status == Status::kPaused)
        co_return fail(ErrorKind::kConflict, "Container " + container->id + " is already paused");
    if (container->state.status == Status::kRestarting) {
        co_return fail(ErrorKind::kConflict,
                       "Container " + container->id + " is restarting, wait until the container is running");
    }
    if (!container->state.live())
        co_return fail(ErrorKind::kConflict, "container " + container->id + " is not running");
    auto paused = co_await core.parts.tasks.pause(container->id);
    if (!paused) co_return Failure(std::move(paused.error()).in("cannot pause container " + container->id));
    BERTH_CO_CHECK(co_await save_status(core, container->id, Status::kPaused));
    core.publish(*container, "pause");
    co_return Result<>();
}

Async<Result<>> run_unpause(Core& core, ContainerPtr found) {
    BERTH_CO_TRY(auto guard, co_await core.locks.lock(found->id));
    auto container = core.store.get(found->id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + found->id);
    if (container->state.status != Status::kPaused)
        co_return fail(ErrorKind::kInternal, "Container " + container->id + " is not paused");
    auto resumed = co_await core.parts.tasks.resume(container->id);
    if (!resumed)
        co_return Failure(std::move(resumed.error()).in("cannot resume container " + container->id));
    BERTH_CO_CHECK(co_await save_status(core, container->id, Status::kRunning));
    core.publish(*container, "unpause");
    co_return Result<>();
}

}  // namespace berth::container
