#include "network/firewall/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "engine/base/files.h"

namespace berth::network {
namespace {

constexpr auto kDeadline = std::chrono::seconds(20);

// Input and both outputs are files in memory: no pipe can fill up, and the only wait is for the end.
Result<UniqueFd> memory_file(const char* name) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
    if (!fd) return fail_errno("memfd_create");
    return fd;
}

Result<std::string> written(const UniqueFd& file) {
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("lseek");
    return read_all(file.get());
}

Result<pid_t> start(const std::vector<std::string>& arguments, const int (&stdio)[3]) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_adddup2(&files, stdio[fd], fd);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char* const environment[] = {path, nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) return fail_errno("start " + arguments[0], error);
    return pid;
}

int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

// The status waitpid() gives, or nothing when the early end came first; kills whoever is not done in time.
std::optional<int> wait_for(pid_t pid, const EarlyEnd* early_end) {
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd ends[2] = {{.fd = process.get(), .events = POLLIN, .revents = 0},
                      {.fd = early_end ? early_end->fd : -1, .events = POLLIN, .revents = 0}};
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        const int ready = ::poll(ends, 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) ::kill(pid, SIGKILL);
        if (ready <= 0 || ends[0].revents != 0) break;
        if (early_end->done(pid)) return std::nullopt;
    }
    return reap(pid);
}

struct Tool {
    pid_t pid = -1;
    UniqueFd out, error;
};

Result<Tool> start_tool(const std::vector<std::string>& arguments, const std::string& input) {
    Tool tool;
    BERTH_TRY(auto in_file, memory_file("stdin"));
    BERTH_TRY(tool.out, memory_file("stdout"));
    BERTH_TRY(tool.error, memory_file("stderr"));
    BERTH_CHECK(write_all(in_file.get(), input));
    if (::lseek(in_file.get(), 0, SEEK_SET) != 0) return fail_errno("lseek");
    const int stdio[3] = {in_file.get(), tool.out.get(), tool.error.get()};
    BERTH_TRY(tool.pid, start(arguments, stdio));
    return tool;
}

Result<> judge(const std::string& name, const Tool& tool, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    BERTH_TRY(auto complaint, written(tool.error));
    while (complaint.ends_with('\n')) complaint.pop_back();
    const auto how = WIFSIGNALED(status) ? fmt::format("killed by signal {}", WTERMSIG(status))
                                         : fmt::format("exit status {}", WEXITSTATUS(status));
    return fail(ErrorKind::kInternal, fmt::format("{}: {}: {}", name, how, complaint));
}

}  // namespace

Result<std::string> run_command(const std::vector<std::string>& arguments, const std::string& input) {
    BERTH_TRY(const auto tool, start_tool(arguments, input));
    BERTH_CHECK(judge(arguments[0], tool, *wait_for(tool.pid, nullptr)));
    return written(tool.out);
}

Result<> run_until(const std::vector<std::string>& arguments, const std::string& input,
                   const EarlyEnd& early_end) {
    BERTH_TRY(const auto tool, start_tool(arguments, input));
    early_end.started(tool.pid);
    const auto status = wait_for(tool.pid, &early_end);
    if (status) return judge(arguments[0], tool, *status);
    std::thread(reap, tool.pid).detach();
    return {};
}

Result<std::string> find_tool(const std::string& name) {
    for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/usr/local/sbin/"})
        if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
    return fail(ErrorKind::kUnavailable, name + " is not installed");
}

}  // namespace berth::network
