#include "engine/executor/hooks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/sys/pidfd.h"
#include "engine/sys/spawn.h"

namespace berth::executor {

namespace {

constexpr std::size_t kKept = 64 * 1024;  // of each stream; more is read and dropped

struct Pipe {
    UniqueFd read, write;
    std::string text;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe");
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1]), {}};
}

void drain(Pipe& pipe) {
    char buffer[4096];
    for (;;) {
        ssize_t got = ::read(pipe.read.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) pipe.read.reset();
        if (got <= 0) return;
        if (pipe.text.size() < kKept) pipe.text.append(buffer, static_cast<std::size_t>(got));
    }
}

std::int64_t now_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

// Reads what the hook says until it has ended; false when its time was over before.
bool accompany(int pidfd, Pipe& out, Pipe& err, std::optional<int> seconds) {
    std::int64_t end = seconds ? now_ms() + std::int64_t{*seconds} * 1000 : 0;
    for (;;) {
        pollfd wait[] = {{pidfd, POLLIN, 0}, {out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
        std::int64_t left = seconds ? std::max<std::int64_t>(end - now_ms(), 0) : -1;
        int ready = ::poll(wait, 3, static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
        if (ready < 0 && errno == EINTR) continue;
        if (out.read && wait[1].revents != 0) drain(out);
        if (err.read && wait[2].revents != 0) drain(err);
        if (wait[0].revents != 0) break;
        if (ready == 0) return false;
    }
    if (out.read) drain(out);
    if (err.read) drain(err);
    return true;
}

std::string how_it_ended(int code) {
    if (code <= 128) return fmt::format("exit status {}", code);
    const char* name = ::sigdescr_np(code - 128);
    std::string text = name == nullptr ? std::to_string(code - 128) : name;
    if (!text.empty()) text[0] = static_cast<char>(::tolower(text[0]));
    return "signal: " + text;
}

Result<> run_hook(const oci::Hook& hook, const std::string& state,
                  const std::vector<std::string>& environment) {
    UniqueFd input(::memfd_create("state", MFD_CLOEXEC));
    if (!input) return fail_errno("memfd_create");
    BERTH_CHECK(write_all(input.get(), state));
    if (::lseek(input.get(), 0, SEEK_SET) < 0) return fail_errno("seek");
    BERTH_TRY(Pipe out, make_pipe());
    BERTH_TRY(Pipe err, make_pipe());
    sys::SpawnOptions options;
    options.path = hook.path;
    options.argv = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    options.env = hook.env.empty() ? environment : hook.env;
    options.fds = {input.get(), out.write.get(), err.write.get()};
    auto child = sys::spawn(options);
    if (!child) return Failure(std::move(child.error()));
    out.write.reset();
    err.write.reset();
    bool in_time = accompany(child->pidfd.get(), out, err, hook.timeout);
    if (!in_time) (void)sys::send_signal(child->pidfd.get(), SIGKILL).has_value();
    BERTH_TRY(sys::ChildStatus status, sys::wait_child(child->pidfd.get()));
    if (!in_time) {
        return fail(ErrorKind::kDeadlineExceeded,
                    fmt::format("hook ran past specified timeout of {}.0s", hook.timeout.value_or(0)));
    }
    if (status.exit_code == 0) return {};
    return fail(ErrorKind::kInternal, fmt::format("{}, stdout: {}, stderr: {}",
                                                  how_it_ended(status.exit_code), out.text, err.text));
}

}  // namespace

std::string hook_state(const ContainerState& state, const char* status, pid_t pid) {
    nlohmann::ordered_json json = {{"ociVersion", state.oci_version}, {"id", state.id}, {"status", status}};
    if (pid != 0) json["pid"] = pid;
    json["bundle"] = state.bundle;
    if (!state.annotations.empty()) json["annotations"] = state.annotations;
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<> run_hooks(const char* kind, const std::vector<oci::Hook>& hooks, const std::string& state,
                   const std::vector<std::string>& environment) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
        BERTH_CHECK(
            in(fmt::format("error running {} hook #{}", kind, i), run_hook(hooks[i], state, environment)));
    return {};
}

}  // namespace berth::executor
