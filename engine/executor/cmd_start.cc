#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/executor/hooks.h"
#include "engine/executor/start.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

Failure dead() {
    return fail(ErrorKind::kConflict, "container process is already dead");
}

// Writes init's byte and waits for what becomes of it: exec or death closes the answer, a failed hook writes
// it.
Result<> release_init(const Options& options, const ContainerState& state) {
    std::string path = start_fifo(options.root, state.id);
    BERTH_TRY(UniqueFd init, sys::open_pidfd(state.pid));
    if (process_start_time(state.pid) != state.start_time) return dead();
    BERTH_TRY(UniqueFd answer, open_file(answer_fifo(options.root, state.id), O_RDONLY | O_NONBLOCK));
    auto start = open_file(path, O_WRONLY | O_NONBLOCK);
    if (!start && start.error().sys_errno == ENXIO) return dead();
    if (!start) return Failure(std::move(start.error()));
    BERTH_CHECK(write_all(start->get(), "0"));
    // Of two that start it at once one finds it gone.
    if (::unlink(path.c_str()) != 0)
        return fail(ErrorKind::kConflict, "cannot start an already running container");
    std::string text;
    for (;;) {
        pollfd wait[] = {{answer.get(), POLLIN, 0}, {init.get(), POLLIN, 0}};
        if (::poll(wait, 2, -1) < 0) {
            if (errno == EINTR) continue;
            return fail_errno("poll");
        }
        char buffer[4096];
        ssize_t got = ::read(answer.get(), buffer, sizeof buffer);
        if (got > 0) {
            text.append(buffer, static_cast<std::size_t>(got));
            continue;
        }
        if (got == 0 || wait[1].revents != 0) break;
    }
    ::unlink(answer_fifo(options.root, state.id).c_str());
    if (!text.empty()) return fail(ErrorKind::kInternal, std::move(text));
    return {};
}

}  // namespace

Result<> start_container(const Options& options, const ContainerState& state) {
    BERTH_CHECK(release_init(options, state));
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
        case Status::kCreated:
            return start_container(options, state);
        case Status::kStopped:
            return fail(ErrorKind::kConflict, "cannot start a container that has stopped");
        case Status::kPaused:
            return fail(ErrorKind::kConflict, "cannot start a container in the paused state");
        default:
            return fail(ErrorKind::kConflict, "cannot start an already running container");
    }
}

}  // namespace berth::executor
