#include <signal.h>
#include <string.h>

#include <algorithm>
#include <charconv>

#include "engine/cgroup/cgroup.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"

namespace berth::executor {

namespace {

Result<int> parse_signal(std::string text) {
    int number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) {
        if (number > 0 && number <= SIGRTMAX) return number;
        return fail(ErrorKind::kInvalidArgument, "unknown signal \"" + text + "\"");
    }
    std::string name = text;
    std::transform(name.begin(), name.end(), name.begin(), ::toupper);
    if (name.starts_with("SIG")) name = name.substr(3);
    for (int signal = 1; signal < SIGRTMIN; ++signal) {
        const char* known = ::sigabbrev_np(signal);
        if (known != nullptr && name == known) return signal;
    }
    return fail(ErrorKind::kInvalidArgument, "unknown signal \"" + text + "\"");
}

Result<cgroup::Cgroup> cgroup_of(const ContainerState& state) {
    BERTH_TRY(cgroup::Layout layout, cgroup::current_layout());
    return cgroup::Cgroup::at(layout, state.cgroup_path);
}

Result<> set_frozen(const Options& options, bool frozen) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    Status status = status_of(options.root, state);
    bool right =
        frozen ? status == Status::kRunning || status == Status::kCreated : status == Status::kPaused;
    if (!right) return fail(ErrorKind::kConflict, frozen ? "container not running" : "container not paused");
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    return group.freeze(frozen);
}

}  // namespace

Result<> kill_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options, 1, 2));
    BERTH_TRY(int signal, parse_signal(options.arguments.size() > 1 ? options.arguments[1] : "SIGTERM"));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    if (options.all) {
        BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
        BERTH_TRY(auto pids, group.processes());
        for (pid_t pid : pids) ::kill(pid, signal);
        return {};
    }
    if (status_of(options.root, state) == Status::kStopped)
        return fail(ErrorKind::kConflict, "container not running");
    if (::kill(state.pid, signal) != 0) return fail_errno("unable to signal init");
    if (signal != SIGKILL) return {};
    // Version 1 keeps even this signal from what is frozen.
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    return group.freeze(false);
}

Result<> pause_command(const Options& options) {
    return set_frozen(options, true);
}
Result<> resume_command(const Options& options) {
    return set_frozen(options, false);
}

}  // namespace berth::executor
