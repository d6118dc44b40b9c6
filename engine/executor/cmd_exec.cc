#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/commands.h"
#include "engine/executor/console.h"
#include "engine/executor/container_state.h"
#include "engine/executor/identity.h"
#include "engine/executor/last_steps.h"
#include "engine/executor/lookup.h"
#include "engine/executor/report.h"
#include "engine/executor/sync.h"
#include "engine/sys/pidfd.h"

// One more process in a container that runs. Its side joins the namespaces by the pidfd of init, so that a
// pid which is used again leads nowhere else; it says "error" over the socket pair of sync.h or, by exec,
// closes it.
namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<std::uint32_t> number(const std::string& text, const char* what) {
    std::uint32_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return bad(std::string("parsing ") + text + " as int for " + what + ": invalid syntax");
    return value;
}

// The container's own process with what the flags change.
Result<> apply_flags(const Options& options, oci::Process& process) {
    process.args.assign(options.arguments.begin() + 1, options.arguments.end());
    if (process.args.empty()) return bad("process args cannot be empty");
    if (!options.cwd.empty()) process.cwd = options.cwd;
    process.terminal = options.tty;
    process.no_new_privileges = process.no_new_privileges || options.no_new_privs;
    process.env.insert(process.env.end(), options.env.begin(), options.env.end());
    if (!options.user.empty()) {
        auto colon = options.user.find(':');
        BERTH_TRY(process.user.uid, number(options.user.substr(0, colon), "uid"));
        if (colon != std::string::npos) {
            BERTH_TRY(process.user.gid, number(options.user.substr(colon + 1), "gid"));
        }
    }
    for (const std::string& gid : options.additional_gids) {
        BERTH_TRY(gid_t group, number(gid, "gid"));
        process.user.additional_gids.push_back(group);
    }
    if (!options.caps.empty() && !process.capabilities) process.capabilities.emplace();
    for (const std::string& cap : options.caps) {
        auto& sets = *process.capabilities;
        for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted, &sets.ambient})
            set->push_back(cap);
    }
    return {};
}

Result<oci::Process> process_of(const Options& options, const oci::RuntimeSpec& spec) {
    oci::Process process;
    if (!options.process_file.empty()) {
        BERTH_TRY(std::string text, read_file(options.process_file));
        BERTH_TRY(process, oci::parse_process(text));
    } else {
        if (spec.process) process = *spec.process;
        BERTH_CHECK(apply_flags(options, process));
    }
    if (process.args.empty()) return bad("process args cannot be empty");
    if (process.cwd.empty() || process.cwd[0] != '/') return bad("Cwd must be an absolute path");
    if (!process.apparmor_profile.empty())
        return fail(ErrorKind::kNotImplemented, "process.apparmorProfile is not supported yet");
    if (!process.selinux_label.empty())
        return fail(ErrorKind::kNotImplemented, "process.selinuxLabel is not supported yet");
    if (process.terminal && options.console_socket.empty()) {
        return options.detach
                   ? bad("cannot allocate tty if runc will detach without setting console socket")
                   : fail(ErrorKind::kNotImplemented, "a terminal in the foreground is not supported yet");
    }
    if (!options.console_socket.empty() && !(process.terminal && options.detach))
        return bad("cannot use console socket if runc will not detach or allocate tty");
    return process;
}

struct ExecPlan {
    oci::Process process;
    std::optional<Filter> filter;
    std::string id;
    UniqueFd init;     // pidfd
    int spaces = 0;    // CLONE_NEW* to join, but the PID namespace
    UniqueFd console;  // connected, or none
    int preserve_fds = 0;
};

bool same_space(pid_t pid, const char* name) {
    struct stat ours{}, theirs{};
    std::string kind = std::string("/ns/") + name;
    return ::stat(("/proc/self" + kind).c_str(), &ours) == 0 &&
           ::stat(("/proc/" + std::to_string(pid) + kind).c_str(), &theirs) == 0 &&
           ours.st_ino == theirs.st_ino;
}

Result<std::string> enter_container(const ExecPlan& plan) {
    if (::setsid() < 0) return fail_errno("setsid");
    if (::setns(plan.init.get(), plan.spaces) != 0) return fail_errno("join the container's namespaces");
    // The container's session keyring, where there is one.
    (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, ("_ses." + plan.id).c_str());
    const oci::Process& process = plan.process;
    if (plan.console) {
        BERTH_CHECK(in("setup console", take_terminal(plan.console.get(), process.console_size,
                                                      process.user.uid, ConsoleNode::kLeave)));
    }
    BERTH_CHECK(enter_folder(process.cwd, false));
    BERTH_CHECK(set_rlimits(process.rlimits));
    return find_program(process);
}

[[noreturn]] void run_exec(const ExecPlan& plan, int sync_fd) {
    ::signal(SIGPIPE, SIG_DFL);
    auto go = receive_message(sync_fd);
    if (!go || go->kind != SyncMessage::Kind::kGo) ::_exit(1);
    auto program = enter_container(plan);
    if (!program) give_up(sync_fd, program.error());
    auto arguments = pointers(plan.process.args), environment = pointers(plan.process.env);
    keep_descriptors(plan.preserve_fds);
    if (auto less = step_down(plan.process, plan.filter, sync_fd); !less) give_up(sync_fd, less.error());
    ::execve(program->c_str(), arguments.data(), environment.data());
    give_up(sync_fd, fail_errno("exec: \"" + plan.process.args[0] + "\"").value());
}

// On pure version 2 a process is born in its cgroup; elsewhere, and where that fails, it is moved.
Result<pid_t> clone_process(const cgroup::Cgroup& group, bool& joined) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    const auto& folders = group.folders();
    if (folders.size() == 1 && folders.front().unified) {
        auto folder = open_file(folders.front().path, O_RDONLY | O_DIRECTORY);
        if (folder) {
            arguments.flags = CLONE_INTO_CGROUP;
            arguments.cgroup = static_cast<std::uint64_t>(folder->get());
            long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
            joined = pid > 0;
            if (pid >= 0) return static_cast<pid_t>(pid);
        }
    }
    pid_t pid = ::fork();
    if (pid < 0) return fail_errno("fork");
    return pid;
}

// A container may have moved its own init further down, and then takes nobody at its top (version 2): the new
// process goes where init is.
Result<> join_cgroup(const cgroup::Cgroup& group, pid_t init, pid_t pid) {
    auto joined = group.join(pid);
    if (joined) return {};
    for (const auto& folder : group.folders()) {
        if (!folder.unified) continue;
        BERTH_TRY(std::string text, read_file("/proc/" + std::to_string(init) + "/cgroup"));
        auto at = text.find("0::/");
        if (at == std::string::npos) break;
        std::string path = text.substr(at + 3, text.find('\n', at) - at - 3);
        return write_file(folder.mount_point + path + "/cgroup.procs", std::to_string(pid));
    }
    return joined;
}

// Until the process has exec'd, or has said why not.
Result<> await_exec(const Options& options, int sync_fd) {
    for (auto heard = receive_message(sync_fd); heard; heard = receive_message(sync_fd)) {
        if (heard->kind == SyncMessage::Kind::kWarning) {
            warn(options, heard->text);
            continue;
        }
        return bad("unable to start container process: " + heard->text);
    }
    return {};
}

void block_signals(sigset_t& set) {
    ::sigfillset(&set);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

// Hands every signal on to the process, and ends as it does.
[[noreturn]] void accompany(pid_t pid, const sigset_t& signals) {
    for (;;) {
        siginfo_t info{};
        int signal = ::sigwaitinfo(&signals, &info);
        if (signal != SIGCHLD && signal > 0) ::kill(pid, signal);
        int status = 0;
        if (::waitpid(pid, &status, WNOHANG) != pid) continue;
        std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

Result<ContainerState> container_to_enter(const Options& options, const std::string& id) {
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    Status status = status_of(options.root, state);
    if (status == Status::kStopped) return fail(ErrorKind::kConflict, "cannot exec in a stopped container");
    if (status == Status::kPaused && !options.ignore_paused) {
        return fail(ErrorKind::kConflict,
                    "cannot exec in a paused container (use --ignore-paused to override)");
    }
    return state;
}

Result<ExecPlan> plan_exec(const Options& options, const ContainerState& state) {
    BERTH_TRY(std::string text, read_file(state.bundle + "/config.json"));
    BERTH_TRY(oci::RuntimeSpec spec, oci::parse_runtime_spec(text));
    ExecPlan plan;
    plan.id = state.id;
    plan.preserve_fds = options.preserve_fds;
    BERTH_TRY(plan.process, process_of(options, spec));
    if (spec.linux_.seccomp) {
        BERTH_TRY(plan.filter, compile_filter(*spec.linux_.seccomp, options.root + "/.filters"));
    }
    BERTH_TRY(plan.init, sys::open_pidfd(state.pid));
    // The descriptor is init's if init is alive now.
    if (process_start_time(state.pid) != state.start_time)
        return fail(ErrorKind::kConflict, "cannot exec in a stopped container");
    plan.spaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
    if (!same_space(state.pid, "user")) plan.spaces |= CLONE_NEWUSER;
    if (!options.console_socket.empty()) {
        BERTH_TRY(plan.console, connect_console(options.console_socket));
    }
    return plan;
}

}  // namespace

Result<> exec_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options, 1, 1 << 20));
    BERTH_TRY(ContainerState state, container_to_enter(options, id));
    BERTH_TRY(ExecPlan plan, plan_exec(options, state));
    BERTH_TRY(cgroup::Layout layout, cgroup::current_layout());
    BERTH_TRY(cgroup::Cgroup group, cgroup::Cgroup::at(layout, state.cgroup_path));

    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    // The new process is visible inside before it is harmless: nothing of it may be read or traced.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    sigset_t signals;
    if (!options.detach) block_signals(signals);
    if (!same_space(state.pid, "pid") && ::setns(plan.init.get(), CLONE_NEWPID) != 0)
        return fail_errno("join the container's PID namespace");
    bool joined = false;
    BERTH_TRY(pid_t pid, clone_process(group, joined));
    if (pid == 0) {
        ours.reset();
        if (!options.detach) ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
        run_exec(plan, theirs.get());
    }
    theirs.reset();
    auto started =
        joined ? Result<>() : in("unable to apply cgroup configuration", join_cgroup(group, state.pid, pid));
    if (started && plan.process.oom_score_adj) {
        (void)write_file("/proc/" + std::to_string(pid) + "/oom_score_adj",
                         std::to_string(*plan.process.oom_score_adj));
    }
    if (started) started = send_message(ours.get(), {SyncMessage::Kind::kGo, ""});
    if (started) started = await_exec(options, ours.get());
    if (started && !options.pid_file.empty())
        started = replace_file(options.pid_file, std::to_string(pid), 0644, Sync::kNone);
    if (!started) {
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        return started;
    }
    if (!options.detach) accompany(pid, signals);
    return {};
}

}  // namespace berth::executor
