#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "engine/base/files.h"
#include "engine/executor/attributes.h"
#include "engine/executor/commands.h"
#include "engine/executor/console.h"
#include "engine/executor/container_state.h"
#include "engine/executor/foreground.h"
#include "engine/executor/identity.h"
#include "engine/executor/labels.h"
#include "engine/executor/last_steps.h"
#include "engine/executor/launch.h"
#include "engine/executor/report.h"
#include "engine/executor/seccomp_agent.h"
#include "engine/executor/self_seal.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/spaces.h"
#include "engine/executor/spec_check.h"
#include "engine/executor/sub_cgroup.h"
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
    process.console_size.reset();
    if (!options.apparmor.empty()) process.apparmor_profile = options.apparmor;
    if (!options.process_label.empty()) process.selinux_label = options.process_label;
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
    BERTH_CHECK(check_process(process));
    BERTH_CHECK(check_labels(process, ""));
    BERTH_CHECK(check_attributes({}, process));
    if (process.terminal && options.detach && options.console_socket.empty())
        return bad("cannot allocate tty if runc will detach without setting console socket");
    if (!options.console_socket.empty() && !(process.terminal && options.detach))
        return bad("cannot use console socket if runc will not detach or allocate tty");
    return process;
}

struct ExecPlan {
    oci::Process process;
    const ContainerState* state = nullptr;
    std::optional<Filter> filter;
    std::optional<oci::Personality> personality;
    UniqueFd init;                     // pidfd
    int spaces = 0;                    // CLONE_NEW* to join, but the PID and time namespaces
    int born_into = 0;                 // those
    bool inside = false;               // in its user namespace already
    UniqueFd console;                  // connected, or none
    UniqueFd root;                     // of a container that shares the host's mount namespace
    std::vector<UniqueFd> join_files;  // of its cgroup
    int preserve_fds = 0;
    bool plain_lines = false;  // see console.h
    bool debug = false;
};

bool same_space(pid_t pid, const char* name) {
    struct stat ours{}, theirs{};
    std::string kind = std::string("/ns/") + name;
    return ::stat(("/proc/self" + kind).c_str(), &ours) == 0 &&
           ::stat(("/proc/" + std::to_string(pid) + kind).c_str(), &theirs) == 0 &&
           ours.st_ino == theirs.st_ino;
}

// In a user namespace some of the others are its own, some the host's: what is refused from outside is tried
// again from within.
Result<> join_container(const ExecPlan& plan) {
    auto join = [&](int spaces) { return sys::join_namespaces(plan.init.get(), spaces); };
    auto failed = [] { return fail_errno("join the container's namespaces"); };
    if ((plan.spaces & CLONE_NEWUSER) == 0) return join(plan.spaces) ? Result<>() : Result<>(failed());
    int again = 0;
    for (int space : {CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP}) {
        if ((plan.spaces & space) == 0 || join(space)) continue;
        if (errno != EPERM) return failed();
        again |= space;
    }
    return join(again | CLONE_NEWUSER) && join(CLONE_NEWNS) ? Result<>() : Result<>(failed());
}

Result<std::string> enter_container(const ExecPlan& plan, int sync_fd) {
    const oci::Process& process = plan.process;
    BERTH_CHECK(in("unable to apply cgroup configuration: adding a process to cgroups",
                   cgroup::join_by(plan.join_files)));
    if (!process.exec_cpu_affinity)
        reset_cpu_affinity(0);
    else if (!process.exec_cpu_affinity->final_.empty())
        BERTH_CHECK(set_cpu_affinity(process.exec_cpu_affinity->final_));
    if (::setsid() < 0) return fail_errno("setsid");
    BERTH_TRY(LabelFiles labels, open_label_files(process));
    BERTH_CHECK(join_container(plan));
    // A container in the host's mount namespace has a root of its own all the same.
    if (plan.root && (::fchdir(plan.root.get()) != 0 || ::chroot(".") != 0))
        return fail_errno("enter the container's root");
    bool user = plan.inside || (plan.spaces & CLONE_NEWUSER) != 0;
    if (user) BERTH_CHECK(become_root_here());
    // The container's session keyring, where there is one.
    (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, ("_ses." + plan.state->id).c_str());
    if (plan.console) {
        BERTH_CHECK(
            in("setup console", take_terminal(plan.console.get(), process.console_size, process.user.uid,
                                              ConsoleNode::kLeave, plan.plain_lines)));
    }
    BERTH_CHECK(apply_labels(labels, process));
    Folder folder;
    BERTH_CHECK(enter_folder(process.cwd, folder));
    if (!user) BERTH_CHECK(set_rlimits(0, process.rlimits));
    if (process.scheduler) BERTH_CHECK(set_scheduler(*process.scheduler));
    if (process.io_priority) BERTH_CHECK(set_io_priority(*process.io_priority));
    if (plan.personality) BERTH_CHECK(set_personality(*plan.personality));
    return step_down(process, plan.filter, folder, sync_fd);
}

[[noreturn]] void run_exec(const ExecPlan& plan, int sync_fd) {
    ::signal(SIGPIPE, SIG_DFL);
    std::vector<int> kept = {sync_fd, plan.init.get(), plan.console.get(), plan.root.get()};
    for (const UniqueFd& file : plan.join_files) kept.push_back(file.get());
    close_descriptors(plan.preserve_fds, std::move(kept));
    auto go = receive_message(sync_fd);
    if (!go || go->kind != SyncMessage::Kind::kGo) ::_exit(1);
    auto say = [&](const char* text) {
        if (plan.debug) (void)send_message(sync_fd, {SyncMessage::Kind::kDebug, text}).has_value();
    };
    say("child process in init()");
    auto program = enter_container(plan, sync_fd);
    if (!program) give_up(sync_fd, program.error());
    std::vector<std::string> words = plan.process.env;
    complete_environment(words, plan.process.user.uid);
    auto arguments = pointers(plan.process.args), environment = pointers(words);
    close_descriptors(plan.preserve_fds, {sync_fd});
    say("setns_init: about to exec");
    ::execve(program->c_str(), arguments.data(), environment.data());
    give_up(sync_fd, fail_errno("exec " + *program).value());
}

// Until the process has exec'd, or has said why not.
Result<> await_exec(const Options& options, const ExecPlan& plan, pid_t pid, int sync_fd) {
    for (auto heard = receive_message(sync_fd); heard; heard = receive_message(sync_fd)) {
        if (heard->kind == SyncMessage::Kind::kWarning) {
            warn(options, heard->text);
            continue;
        }
        if (heard->kind == SyncMessage::Kind::kDebug) {
            debug(options, heard->text);
            continue;
        }
        if (heard->kind == SyncMessage::Kind::kListener) {
            BERTH_CHECK(hand_to_agent(*plan.filter, *plan.state, "running", pid, heard->text));
            BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kGo, ""}));
            continue;
        }
        return bad("unable to start container process: " + heard->text);
    }
    return {};
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
    FilterCache filters(options.root);
    BERTH_TRY(std::string config, load_config(options.root, state.id));
    BERTH_TRY(oci::RuntimeSpec spec, filters.parse(config));
    ExecPlan plan;
    plan.state = &state;
    plan.debug = options.debug;
    BERTH_TRY(plan.process, process_of(options, spec));
    plan.preserve_fds = preserved_descriptors(options, plan.process.env);
    plan.personality = spec.linux_.personality;
    lend_streams(spec.linux_);
    BERTH_TRY(plan.filter, filters.filter(spec));
    if (plan.filter) debug(options, "seccomp filter flags: " + std::to_string(plan.filter->flags));
    auto init = hold_init(state);
    if (!init) return fail(ErrorKind::kConflict, "cannot exec in a stopped container");
    plan.init = std::move(*init);
    plan.spaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
    if (!same_space(state.pid, "user")) {
        plan.spaces = CLONE_NEWUSER | CLONE_NEWNS;
        for (auto [name, space] : {std::pair("uts", CLONE_NEWUTS),
                                   {"ipc", CLONE_NEWIPC},
                                   {"net", CLONE_NEWNET},
                                   {"cgroup", CLONE_NEWCGROUP}}) {
            if (!same_space(state.pid, name)) plan.spaces |= space;
        }
    }
    if (same_space(state.pid, "mnt")) {
        BERTH_TRY(plan.root, open_file("/proc/" + std::to_string(state.pid) + "/root", O_PATH | O_DIRECTORY));
    }
    if (!same_space(state.pid, "pid")) plan.born_into |= CLONE_NEWPID;
    if (exists("/proc/self/ns/time") && !same_space(state.pid, "time"))
        plan.born_into |= static_cast<int>(kTimeSpace);
    // Rights over them may be had in the user namespace only.
    if (plan.born_into != 0 && ::geteuid() != 0 && (plan.spaces & CLONE_NEWUSER) != 0) {
        if (!sys::join_namespaces(plan.init.get(), CLONE_NEWUSER))
            return fail_errno("join the container's user namespace");
        plan.spaces &= ~CLONE_NEWUSER;
    }
    if (!options.console_socket.empty()) {
        BERTH_TRY(plan.console, connect_unix(options.console_socket));
    }
    return plan;
}

// Where the new process belongs, and by clone3 at once where that can be.
struct Birthplace {
    SubCgroup cgroup;
    UniqueFd folder;
};

Result<pid_t> clone_process(const ExecPlan& plan, const Birthplace& place, bool& joined) {
    if (plan.born_into != 0 && !sys::join_namespaces(plan.init.get(), plan.born_into))
        return fail_errno("join the container's PID namespace");
    return clone_into(0, place.folder ? place.folder.get() : -1, false, &joined);
}

// All that the host's side does for the process, until it runs the program.
Result<> look_after(const Options& options, const ExecPlan& plan, const Birthplace& place, bool joined,
                    pid_t pid, int sync_fd) {
    if (!joined)
        BERTH_CHECK(
            in("unable to apply cgroup configuration", place.cgroup.join_unified(pid, plan.state->pid)));
    const oci::Process& process = plan.process;
    debug(options, "nsexec container setup");
    debug(options, "nsexec[" + std::to_string(pid) + "]: affinity: " + cpu_mask_of(pid));
    if (process.oom_score_adj) {
        (void)write_file("/proc/" + std::to_string(pid) + "/oom_score_adj",
                         std::to_string(*process.oom_score_adj))
            .has_value();
    }
    if (plan.inside || (plan.spaces & CLONE_NEWUSER) != 0) BERTH_CHECK(set_rlimits(pid, process.rlimits));
    BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kGo, ""}));
    close_seal();
    BERTH_CHECK(await_exec(options, plan, pid, sync_fd));
    if (!options.pidfd_socket.empty()) {
        BERTH_TRY(UniqueFd process_fd, sys::open_pidfd(pid));
        BERTH_TRY(UniqueFd socket, connect_unix(options.pidfd_socket));
        BERTH_CHECK(send_descriptor(socket.get(), process_fd.get(), "setns"));
    }
    if (options.pid_file.empty()) return {};
    return replace_file(options.pid_file, std::to_string(pid), 0644, Sync::kNone);
}

}  // namespace

Result<> exec_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options, 1, 1 << 20));
    BERTH_TRY(ContainerState state, container_to_enter(options, id));
    BERTH_TRY(ExecPlan plan, plan_exec(options, state));
    Birthplace place;
    BERTH_TRY(place.cgroup, SubCgroup::of(state, options.cgroups));
    place.folder = place.cgroup.birthplace();
    BERTH_TRY(plan.join_files, in("unable to apply cgroup configuration", place.cgroup.join_files()));
    TerminalLine line;
    if (plan.process.terminal && !options.detach) {
        BERTH_TRY(line, make_terminal_line());
        plan.console = std::move(line.inner);
        plan.plain_lines = true;
    }
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    // The new process is visible inside before it is harmless: nothing of it may be read or traced.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (plan.process.exec_cpu_affinity && !plan.process.exec_cpu_affinity->initial.empty())
        BERTH_CHECK(set_cpu_affinity(plan.process.exec_cpu_affinity->initial));
    sigset_t before;
    if (!options.detach) before = hold_signals();
    bool joined = false;
    BERTH_TRY(pid_t pid, clone_process(plan, place, joined));
    if (pid == 0) {
        if (!options.detach) ::sigprocmask(SIG_SETMASK, &before, nullptr);
        run_exec(plan, theirs.get());
    }
    theirs.reset();
    plan.console.reset();
    auto started = look_after(options, plan, place, joined, pid, ours.get());
    UniqueFd master;
    if (started && line.outer) {
        auto received = receive_descriptor(line.outer.get());
        if (received)
            master = std::move(*received);
        else
            started = Failure(std::move(received.error()));
    }
    if (!started) {
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        return started;
    }
    if (options.detach) return {};
    NotifySocket none;
    BERTH_TRY(int code, accompany(pid, std::move(master), none));
    std::exit(code);
}

}  // namespace berth::executor
