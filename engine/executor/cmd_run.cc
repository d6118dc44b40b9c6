#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/executor/commands.h"
#include "engine/executor/foreground.h"
#include "engine/executor/launch.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/start.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

// Ends it and takes everything away: after an error there is no container.
void give_it_up(const Options& options, const ContainerState& state) {
    if (auto init = hold_init(state)) (void)sys::send_signal(init->get(), SIGKILL).has_value();
    (void)remove_container(options, state).has_value();
}

}  // namespace

Result<> create_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_CHECK(launch(options, id));
    return {};
}

Result<> run_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    TerminalLine line;
    bool stays = !options.detach;
    if (stays) {
        if (!options.no_subreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        BERTH_TRY(line, make_terminal_line());
    }
    sigset_t before;
    if (stays) before = hold_signals();
    // Init inherits the mask of before.
    BERTH_TRY(ContainerState state, launch(options, id, std::move(line.inner), stays ? &before : nullptr));
    UniqueFd master;
    bool terminal = state.streams.front().empty();
    if (stays && terminal) {
        auto received = receive_descriptor(line.outer.get());
        if (!received) {
            give_it_up(options, state);
            return Failure(std::move(received.error()));
        }
        master = std::move(*received);
    }
    NotifySocket notify;
    auto started = start_container(options, state, notify);
    if (!started) {
        give_it_up(options, state);
        return started;
    }
    if (!stays) return notify ? notify.wait(state) : Result<>();
    BERTH_TRY(int code, accompany(state.pid, std::move(master), notify));
    if (!options.keep) BERTH_CHECK(remove_container(options, state));
    std::exit(code);
}

}  // namespace berth::executor
