#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
#include "engine/sys/lost_signal.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

Result<int> parse_signal(std::string text) {
    int number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) {
        if (number >= 0 && number <= SIGRTMAX) return number;
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

// A signal that would be lost is held back.
void await_handler(const Options& options, const ContainerState& state, int signal) {
    struct stat folder{};
    // Its last change is that the start gate went.
    if (::stat(state_folder(options.root, state.id).c_str(), &folder) != 0) return;
    while (sys::would_be_lost(state.pid, signal)) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        std::chrono::nanoseconds age = std::chrono::seconds(now.tv_sec - folder.st_mtim.tv_sec) +
                                       std::chrono::nanoseconds(now.tv_nsec - folder.st_mtim.tv_nsec);
        if (age.count() < 0 || age > sys::kHandlersDue) return;
        timespec pause{0, 1'000'000};
        ::nanosleep(&pause, nullptr);
    }
}

Result<> set_frozen(const Options& options, bool frozen) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    Status status = status_of(options.root, state);
    bool right =
        frozen ? status == Status::kRunning || status == Status::kCreated : status == Status::kPaused;
    if (!right) return fail(ErrorKind::kConflict, frozen ? "container not running" : "container not paused");
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    if (state.freezer.empty()) return fail(ErrorKind::kConflict, "cannot pause: the container has no cgroup");
    return group.freeze(frozen);
}

}  // namespace

Result<> kill_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options, 1, 2));
    BERTH_TRY(int signal, parse_signal(options.arguments.size() > 1 ? options.arguments[1] : "SIGTERM"));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    Status status = status_of(options.root, state);
    bool running = status != Status::kStopped;
    // Without a PID namespace the others outlive init.
    bool to_all = options.all || (signal == SIGKILL && !state.own_pids);
    if (!running && !to_all) return fail(ErrorKind::kConflict, "container not running");
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    if (to_all) {
        BERTH_CHECK(signal == SIGKILL ? group.kill_all() : group.signal_all(signal));
    } else {
        BERTH_TRY(UniqueFd init, hold_init(state));
        if (status == Status::kRunning) await_handler(options, state, signal);
        BERTH_CHECK(in("unable to signal init", sys::send_signal(init.get(), signal)));
    }
    // Version 1 keeps even this signal from what is frozen.
    if (signal != SIGKILL || state.freezer.empty()) return {};
    return group.freeze(false);
}

Result<> pause_command(const Options& options) {
    return set_frozen(options, true);
}
Result<> resume_command(const Options& options) {
    return set_frozen(options, false);
}

}  // namespace berth::executor
