#include "engine/container/state_machine.h"

#include <algorithm>

namespace berth::container {

namespace {

bool contains(const std::string& text, const char* words) {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    return lower.find(words) != std::string::npos;
}

// Whether it was the runtime's business that failed: only then a missing file is the program.
bool of_the_runtime(const std::string& message) {
    return contains(message, "oci runtime");
}

int exit_code_of(const std::string& message) {
    if (!of_the_runtime(message)) return 128;
    if (contains(message, "permission denied") || contains(message, "is a directory")) return 126;
    if (contains(message, "executable file not found") || contains(message, "no such file or directory") ||
        contains(message, "not a directory")) {
        return 127;
    }
    return 128;
}

}  // namespace

Result<StartDecision> decide_start(const Container& container) {
    switch (container.state.status) {
        case Status::kRunning:
        case Status::kRestarting:
            return StartDecision::kAlreadyRunning;
        case Status::kPaused:
            return fail(ErrorKind::kConflict, "cannot start a paused container, try unpause instead");
        case Status::kRemoving:
        case Status::kDead:
            return fail(ErrorKind::kConflict, "container is marked for removal and cannot be started");
        default:
            return StartDecision::kStart;
    }
}

State after_start(State state, pid_t pid, Timestamp started_at) {
    state.status = Status::kRunning;
    state.pid = pid;
    state.exit_code = 0;
    state.oom_killed = false;
    state.error.clear();
    state.started_at = started_at;
    state.stopped_by_user = false;
    return state;
}

State after_failed_start(State state, const Error& error) {
    state.status = state.started_at == kNever ? Status::kCreated : Status::kExited;
    state.pid = 0;
    state.exit_code = exit_code_of(error.message);
    state.error = error.message;
    return state;
}

Error start_error(Error error) {
    if (of_the_runtime(error.message) && contains(error.message, "not a directory")) {
        error.message +=
            ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host "
            "path exists "
            "and is the expected type";
    }
    if (exit_code_of(error.message) != 128) error.kind = ErrorKind::kInvalidArgument;
    return error;
}

State after_exit(State state, const supervisor::TaskExit& exit) {
    state.status = Status::kExited;
    state.pid = 0;
    state.exit_code = exit.exit_code;
    state.oom_killed = exit.oom_killed;
    state.error = exit.error;
    state.finished_at = exit.exited_at;
    if (state.health) {
        // What does not run is not well: dockerd's answer too.
        auto health = std::make_shared<supervisor::Health>(*state.health);
        health->status = supervisor::Health::Status::kUnhealthy;
        state.health = std::move(health);
    }
    return state;
}

bool wants_restart(const Container& container, int exit_code) {
    const auto& policy = container.host.restart_policy;
    if (container.state.stopped_by_user) return false;
    if (policy.name == "always" || policy.name == "unless-stopped") return true;
    if (policy.name != "on-failure" || exit_code == 0) return false;
    return policy.maximum_retry_count == 0 || container.state.restart_count < policy.maximum_retry_count;
}

std::chrono::milliseconds restart_delay(std::chrono::milliseconds previous, std::chrono::nanoseconds ran) {
    using namespace std::chrono_literals;
    if (previous == 0ms || ran >= 10s) return 100ms;
    return std::min<std::chrono::milliseconds>(previous * 2, 1min);
}

bool wants_start_at_boot(const Container& container) {
    const auto& policy = container.host.restart_policy;
    if (container.state.started_at == kNever) return false;
    if (policy.name == "always") return true;
    if (policy.name == "unless-stopped") return !container.state.stopped_by_user;
    // As dockerd: a stop by the user does not count here.
    if (policy.name != "on-failure" || container.state.exit_code == 0) return false;
    return policy.maximum_retry_count == 0 || container.state.restart_count < policy.maximum_retry_count;
}

}  // namespace berth::container
