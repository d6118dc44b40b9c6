#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/foreground.h"
#include "engine/executor/launch.h"
#include "engine/executor/report.h"
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

// What `delete` would take away, of a container whose processes have all ended.
std::string remains_of(const Options& options, const ContainerState& state) {
    if (state.hooks || !state.resctrl.removed.empty()) return {};
    auto group = cgroup_of(state);
    if (!group) return {};
    std::string out;
    for (const auto& folder : group->folders()) out += folder.path + "\n";
    return out + state_folder(options.root, state.id) + "\n";
}

// Says that it is created, and waits; no longer than there is something to start, since init's end is the
// caller's to hear of.
bool asks_for_start(const Options& options, int line, const ContainerState& state) {
    if (!write_all(line, kCreatedWord + remains_of(options, state))) return false;
    char word = 0;
    auto init = hold_init(state);
    for (;;) {
        pollfd wait{line, POLLIN, 0};
        auto ended = init ? sys::poll_for_end(init->get(), {&wait, 1}) : Result<bool>(true);
        if (wait.revents != 0) return ::read(line, &word, 1) == 1 && word == kStartWord;
        if (!ended || *ended) return false;
    }
}

}  // namespace

Result<> create_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    UniqueFd line(options.start_line);
    if (line && ::fcntl(line.get(), F_SETFD, FD_CLOEXEC) != 0) return fail_errno("start-line");
    BERTH_TRY(ContainerState state, launch(options, id));
    if (!line || !asks_for_start(options, line.get(), state)) return {};
    Options starting = options;
    starting.command = "start";
    NotifySocket notify;
    auto started = start_container(starting, state, notify);
    if (started && notify) started = notify.wait(state);
    if (started) return {};
    report(starting, started.error());
    std::exit(1);
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
    BERTH_TRY(Launched launched, launch_to_run(options, id,
                                               {.console = std::move(line.inner),
                                                .mask = stays ? &before : nullptr,
                                                .waits = !stays || std::getenv("NOTIFY_SOCKET") != nullptr}));
    const ContainerState& state = launched.state;
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
    auto started = [&]() -> Result<> {
        BERTH_TRY(notify, NotifySocket::bind(options, state.id));
        BERTH_CHECK(let_go(launched));
        return run_poststart_hooks(options, state);
    }();
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
