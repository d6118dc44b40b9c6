#include <signal.h>

#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/executor/hooks.h"
#include "engine/executor/start.h"
#include "engine/executor/start_gate.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

Result<> start_container(const Options& options, const ContainerState& state, NotifySocket& notify) {
    BERTH_TRY(notify, NotifySocket::bind(options, state.id));
    BERTH_CHECK(open_gate(start_gate(options.root, state.id)));
    return run_poststart_hooks(options, state);
}

Result<> run_poststart_hooks(const Options& options, const ContainerState& state) {
    if (!state.hooks) return {};
    BERTH_TRY(oci::RuntimeSpec spec, load_spec(options.root, state.id));
    auto hooked = run_hooks("poststart", spec.hooks.poststart, hook_state(state, "running", state.pid));
    if (hooked) return {};
    if (auto init = hold_init(state)) (void)sys::send_signal(init->get(), SIGKILL).has_value();
    return hooked;
}

Result<> start_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    switch (status_of(options.root, state)) {
        case Status::kCreated: {
            NotifySocket notify;
            BERTH_CHECK(start_container(options, state, notify));
            return notify ? notify.wait(state) : Result<>();
        }
        case Status::kStopped:
            return fail(ErrorKind::kConflict, "cannot start a container that has stopped");
        case Status::kPaused:
            return fail(ErrorKind::kConflict, "cannot start a container in the paused state");
        default:
            return fail(ErrorKind::kConflict, "cannot start an already running container");
    }
}

}  // namespace berth::executor
