#include <signal.h>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/executor/hooks.h"
#include "engine/executor/report.h"
#include "engine/executor/start.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

// Kills init and waits up to ten seconds: a killed process leaves when the kernel is done with it.
Result<> end_init(const ContainerState& state, const cgroup::Cgroup& group, Status status) {
    auto init = hold_init(state);
    if (!init) return {};
    (void)sys::send_signal(init->get(), SIGKILL).has_value();
    // Version 1 keeps even this signal from what is frozen.
    if (status == Status::kPaused) (void)group.freeze(false).has_value();
    BERTH_TRY(bool ended, sys::poll_for_end(init->get(), {}, 10'000));
    if (ended) return {};
    return fail(ErrorKind::kDeadlineExceeded, "container init still running");
}

}  // namespace

Result<> remove_container(const Options& options, const ContainerState& state) {
    oci::Hooks hooks;
    if (state.hooks) {
        auto spec = load_spec(options.root, state.id);
        if (spec) hooks = std::move(spec->hooks);
    }
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    BERTH_CHECK(group.kill_all());
    BERTH_CHECK(group.remove());
    leave_resctrl(state.resctrl);
    BERTH_CHECK(remove_state_folder(options.root, state.id));
    // Whatever they say, the container is gone, and each has its turn.
    for (const oci::Hook& hook : hooks.poststop) {
        auto hooked = run_hooks("poststop", {hook}, hook_state(state, "stopped", 0));
        if (!hooked) warn(options, hooked.error().message);
    }
    return {};
}

Result<> delete_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    auto loaded = load_state(options.root, id);
    // What a create that died left behind is no container, but it is in the way of the next one.
    if (!loaded && options.force && loaded.error().kind == ErrorKind::kNotFound) {
        BERTH_CHECK(check_id(id));
        return remove_state_folder(options.root, id);
    }
    if (!loaded) return Failure(loaded.error());
    Status status = status_of(options.root, *loaded);
    // A created container has run nothing yet: deleting it is always allowed.
    if (status != Status::kStopped && status != Status::kCreated && !options.force) {
        return fail(ErrorKind::kConflict,
                    "cannot delete container " + id + " that is not stopped: " + status_text(status));
    }
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(*loaded));
    if (status != Status::kStopped) BERTH_CHECK(end_init(*loaded, group, status));
    return remove_container(options, *loaded);
}

}  // namespace berth::executor
