#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"
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

// Whether a signal would do anything to a process that the kernel spares the default action.
bool is_heard(pid_t pid, int signal) {
    std::string status = read_file("/proc/" + std::to_string(pid) + "/status").value_or("");
    for (const char* mask : {"\nSigBlk:\t", "\nSigIgn:\t", "\nSigCgt:\t"}) {
        auto at = status.find(mask);
        if (at == status.npos) return true;
        if ((std::strtoull(status.c_str() + at + 9, nullptr, 16) >> (signal - 1) & 1) != 0) return true;
    }
    return false;
}

// The first process of a PID namespace loses every signal that it has no handler for, and a program that was
// started this moment has none yet: a signal that would be lost is held back until it has, for a
// quarter of a second after the start at most.
void await_handler(const Options& options, const ContainerState& state, int signal) {
    if (signal == 0 || signal == SIGKILL || signal == SIGSTOP || !state.own_pids) return;
    struct stat folder{};
    // Its last change is that the start gate went.
    if (::stat(state_folder(options.root, state.id).c_str(), &folder) != 0) return;
    for (;;) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        auto age =
            (now.tv_sec - folder.st_mtim.tv_sec) * 1'000'000'000LL + now.tv_nsec - folder.st_mtim.tv_nsec;
        if (age < 0 || age > 250'000'000 || is_heard(state.pid, signal)) return;
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
