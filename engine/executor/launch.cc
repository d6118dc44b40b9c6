#include "engine/executor/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/base/undo.h"
#include "engine/executor/attributes.h"
#include "engine/executor/bundle.h"
#include "engine/executor/hooks.h"
#include "engine/executor/id_maps.h"
#include "engine/executor/identity.h"
#include "engine/executor/init.h"
#include "engine/executor/last_steps.h"
#include "engine/executor/net_devices.h"
#include "engine/executor/notify_socket.h"
#include "engine/executor/report.h"
#include "engine/executor/rootfs.h"
#include "engine/executor/seccomp_agent.h"
#include "engine/executor/self_seal.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/start_gate.h"
#include "engine/executor/sync.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// One `create`, step by step; what it has made goes again unless it succeeds.
class Launch {
 public:
    Launch(const Options& options, const std::string& id, bool gated, Company company)
        : options_(options),
          id_(id),
          gated_(gated),
          waits_(gated || company.waits),
          mask_(company.mask),
          filters_(options.root) {
        plan_.console = std::move(company.console);
        plan_.plain_lines = static_cast<bool>(plan_.console);
    }
    Result<Launched> run();

 private:
    Result<> prepare();
    [[noreturn]] void become_init(int sync_fd);
    Result<> make_init();
    Result<pid_t> clone_init(int sync_fd);
    Result<pid_t> clone_from_stage(int sync_fd);
    Result<> release_init();
    Result<> give_cgroup();
    Result<> converse();
    Result<> run_runtime_hooks();
    Result<> give_source(const std::string& number);

    // The namespaces that the clone makes.
    unsigned long long born_into() const { return plan_.spaces.fresh & ~plan_.own_spaces; }
    // With the host's rights, and not before init is ready: it may have needed more descriptors.
    bool limits_from_outside() { return plan_.spaces.has(CLONE_NEWUSER) && !spec().process->rlimits.empty(); }
    oci::RuntimeSpec& spec() { return plan_.spec; }
    ContainerState& state() { return plan_.state; }

    const Options& options_;
    const std::string& id_;
    const bool gated_, waits_;
    const sigset_t* mask_;
    InitPlan plan_;
    FilterCache filters_;
    std::optional<cgroup::Cgroup> group_;
    UniqueFd sync_;
    pid_t pid_ = 0;
    bool born_inside_ = false;
    UndoStack undo_;
};

Result<> Launch::prepare() {
    BERTH_TRY(Bundle bundle, read_bundle(options_, id_));
    BERTH_CHECK(make_state_folder(options_, bundle, undo_));
    plan_.spec = std::move(bundle.spec);
    filters_ = std::move(bundle.filters);
    plan_.spaces = std::move(bundle.spaces);
    plan_.state = std::move(bundle.state);
    BERTH_CHECK(announce_notify_socket(options_, id_, spec()));
    plan_.preserve_fds = preserved_descriptors(options_, spec().process->env);
    plan_.new_keyring = !options_.no_new_keyring;
    plan_.pivot = !options_.no_pivot;
    plan_.debug = options_.debug;
    // Devices are moved there before init does anything.
    if (plan_.spaces.is_fresh(CLONE_NEWNET) && spec().linux_.net_devices.empty())
        plan_.own_spaces |= CLONE_NEWNET;
    if (plan_.spaces.is_fresh(CLONE_NEWIPC) && plan_.spaces.has(CLONE_NEWUSER))
        plan_.own_spaces |= CLONE_NEWIPC;
    if (gated_) {
        BERTH_TRY(plan_.gate, make_start_gate(start_gate(options_.root, id_)));
    }
    oci::Hooks hooks = spec().hooks;
    hooks.poststop.clear();
    plan_.at_once =
        !waits_ && hooks == oci::Hooks() && options_.pidfd_socket.empty() && !limits_from_outside();
    BERTH_TRY(group_, find_cgroup(options_, spec(), state(), undo_));
    return {};
}

void Launch::become_init(int sync_fd) {
    if (mask_ != nullptr) ::sigprocmask(SIG_SETMASK, mask_, nullptr);
    run_init(plan_, sync_fd);
}

Result<pid_t> Launch::clone_init(int sync_fd) {
    UniqueFd folder = group_->birthplace();
    BERTH_TRY(SpacesBefore before, join_spaces(plan_.spaces));
    if (plan_.spaces.is_fresh(kTimeSpace)) BERTH_CHECK(make_time_space(spec(), before));
    BERTH_TRY(pid_t pid, clone_into(born_into(), folder ? folder.get() : -1, false, &born_inside_));
    if (pid == 0) become_init(sync_fd);
    // Before anybody gives up: hooks and cleaning up are the host's business.
    auto back = before.go_back();
    if (!back) {
        ::kill(pid, SIGKILL);
        reap(pid);
        return Failure(std::move(back.error()));
    }
    return pid;
}

// A process of its own joins; its child is the runtime's.
Result<pid_t> Launch::clone_from_stage(int sync_fd) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    BERTH_TRY(pid_t stage, clone_into(0, -1, false));
    if (stage == 0) {
        auto pid = [&]() -> Result<pid_t> {
            BERTH_TRY(SpacesBefore before, join_spaces(plan_.spaces));
            if (plan_.spaces.is_fresh(kTimeSpace)) BERTH_CHECK(make_time_space(spec(), before));
            return clone_into(born_into(), -1, true);
        }();
        if (!pid) give_up(theirs.get(), pid.error());
        if (*pid == 0) {
            become_init(sync_fd);
        }
        (void)send_message(theirs.get(), {SyncMessage::Kind::kReady, std::to_string(*pid)}).has_value();
        ::_exit(0);
    }
    theirs.reset();
    auto heard = receive_message(ours.get());
    reap(stage);
    if (!heard) return Failure(std::move(heard.error()));
    if (heard->kind == SyncMessage::Kind::kError) return fail(ErrorKind::kInternal, heard->text);
    return static_cast<pid_t>(std::atoi(heard->text.c_str()));
}

Result<> Launch::make_init() {
    BERTH_TRY(plan_.filter, filters_.filter(spec()));
    if (plan_.filter) debug(options_, "seccomp filter flags: " + std::to_string(plan_.filter->flags));
    if (!spec().process->terminal) plan_.console.reset();
    if (!options_.console_socket.empty()) {
        BERTH_TRY(plan_.console, connect_unix(options_.console_socket));
    }
    BERTH_TRY(plan_.sources, in("unable to start container process: error during container init",
                                open_sources(spec(), plan_.spaces, state().rootfs)));
    lend_streams(spec().linux_);
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    sync_.reset(pair[0]);
    UniqueFd theirs(pair[1]);
    // From here on nothing of this process may be read or traced from inside a container that is being
    // joined. Without privileges that has to wait until the ids are mapped; init sees to itself.
    if (::geteuid() == 0) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ::signal(SIGPIPE, SIG_IGN);
    BERTH_TRY(pid_, plan_.spaces.need_stage() ? clone_from_stage(theirs.get()) : clone_init(theirs.get()));
    undo_.push([pid = pid_, group = *group_, freezer = state().freezer] {
        ::kill(pid, SIGKILL);
        // Version 1 keeps even this signal from what somebody has frozen meanwhile.
        if (!freezer.empty()) (void)group.freeze(false).has_value();
        reap(pid);
    });
    plan_.gate.reset();
    plan_.console.reset();
    plan_.sources.clear();
    return {};
}

// What only the host's side can do for it before it begins; then it may.
Result<> Launch::release_init() {
    const oci::Process& process = *spec().process;
    if (plan_.spaces.is_fresh(CLONE_NEWUSER))
        BERTH_CHECK(write_id_maps(pid_, spec().linux_.uid_mappings, spec().linux_.gid_mappings));
    BERTH_CHECK(move_net_devices(spec().linux_.net_devices, pid_));
    if (process.oom_score_adj) {
        auto written = write_file("/proc/" + std::to_string(pid_) + "/oom_score_adj",
                                  std::to_string(*process.oom_score_adj));
        // Only CAP_SYS_RESOURCE may lower it: where the engine itself has not got it, its containers go
        // without.
        if (!written) warn(options_, "oom_score_adj is not set: " + written.error().message);
    }
    return send_message(sync_.get(), {SyncMessage::Kind::kGo, ""});
}

// While init is busy with its root file system.
Result<> Launch::give_cgroup() {
    BERTH_CHECK(make_cgroup(options_, spec(), state(), *group_));
    if (spec().linux_.intel_rdt) {
        auto entered = enter_resctrl(*spec().linux_.intel_rdt, id_, pid_, state().resctrl);
        undo_.push([place = state().resctrl] { leave_resctrl(place); });
        BERTH_CHECK(std::move(entered));
    }
    auto files = [&]() -> Result<std::vector<UniqueFd>> {
        if (!born_inside_) BERTH_CHECK(group_->join_unified(pid_));
        return group_->join_files();
    }();
    if (!files) return in("unable to apply cgroup configuration", Result<>(Failure(files.error())));
    // One that has failed meanwhile has said why, and does not listen any more.
    (void)send_message(sync_.get(), {SyncMessage::Kind::kCgroup, ""}, *files).has_value();
    return {};
}

Result<> Launch::run_runtime_hooks() {
    std::string text = hook_state(state(), "creating", pid_);
    BERTH_CHECK(run_hooks("prestart", spec().hooks.prestart, text));
    return run_hooks("createRuntime", spec().hooks.create_runtime, text);
}

// A process of its own, since nobody comes back from another mount namespace.
Result<> Launch::give_source(const std::string& text) {
    auto number = static_cast<std::size_t>(std::atoll(text.c_str()));
    if (number >= spec().mounts.size()) return bad("no such mount");
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    BERTH_TRY(pid_t helper, clone_into(0, -1, false));
    if (helper == 0) {
        auto made = [&]() -> Result<> {
            BERTH_TRY(UniqueFd space, open_file("/proc/" + std::to_string(pid_) + "/ns/mnt", O_RDONLY));
            if (::setns(space.get(), CLONE_NEWNS) != 0) return fail_errno("join the mount namespace");
            BERTH_TRY(UniqueFd tree, open_source(spec(), plan_.spaces, number));
            BERTH_CHECK(send_message(theirs.get(), {SyncMessage::Kind::kReady, ""}));
            return send_descriptor(theirs.get(), tree.get(), "source");
        }();
        if (!made) give_up(theirs.get(), made.error());
        ::_exit(0);
    }
    theirs.reset();
    auto heard = receive_message(ours.get());
    auto tree = heard && heard->kind == SyncMessage::Kind::kReady ? receive_descriptor(ours.get())
                                                                  : Result<UniqueFd>();
    reap(helper);
    if (!heard) return Failure(std::move(heard.error()));
    if (heard->kind == SyncMessage::Kind::kError)
        return in("error mounting \"" + spec().mounts[number].source + "\"", Result<>(bad(heard->text)));
    if (!tree) return Failure(std::move(tree.error()));
    return send_descriptor(sync_.get(), tree->get(), "source");
}

Result<> Launch::converse() {
    constexpr const char* kFailed = "unable to start container process: ";
    for (;;) {
        auto heard = receive_message(sync_.get());
        if (!heard) return bad(std::string(kFailed) + "container init exited before it was ready");
        switch (heard->kind) {
            case SyncMessage::Kind::kReady:
                return {};
            case SyncMessage::Kind::kWarning:
                warn(options_, heard->text);
                break;
            case SyncMessage::Kind::kDebug:
                debug(options_, heard->text);
                break;
            case SyncMessage::Kind::kHooks:
                BERTH_CHECK(in("unable to start container process", run_runtime_hooks()));
                BERTH_CHECK(send_message(sync_.get(), {SyncMessage::Kind::kGo, ""}));
                break;
            case SyncMessage::Kind::kSource:
                BERTH_CHECK(
                    in(std::string(kFailed) + "error during container init", give_source(heard->text)));
                break;
            case SyncMessage::Kind::kListener:
                BERTH_CHECK(in("unable to start container process",
                               hand_to_agent(*plan_.filter, state(), "creating", pid_, heard->text)));
                BERTH_CHECK(send_message(sync_.get(), {SyncMessage::Kind::kGo, ""}));
                break;
            default:
                return bad(std::string(kFailed) + "error during container init: " + heard->text);
        }
    }
}

Result<Launched> Launch::run() {
    BERTH_CHECK(prepare());
    debug(options_, "nsexec container setup");
    BERTH_CHECK(make_init());
    BERTH_CHECK(release_init());
    BERTH_CHECK(give_cgroup());
    BERTH_CHECK(draft_state(options_.root, state(), pid_));
    if (plan_.at_once) {
        undo_.push([path = options_.pid_file] {
            if (!path.empty()) ::unlink(path.c_str());
        });
        BERTH_CHECK(publish(options_, state()));
    }
    close_seal();
    BERTH_CHECK(converse());
    if (limits_from_outside()) BERTH_CHECK(set_rlimits(pid_, spec().process->rlimits));
    if (!plan_.at_once) BERTH_CHECK(publish(options_, state()));
    Launched launched{std::move(state()), plan_.at_once ? UniqueFd() : std::move(sync_)};
    if (gated_) BERTH_CHECK(let_go(launched));
    undo_.keep();
    return launched;
}

}  // namespace

namespace {

int listening_sockets() {
    const char* listening = std::getenv("LISTEN_FDS");
    int sockets = listening == nullptr ? 0 : std::atoi(listening);
    return sockets > 0 && sockets <= 1024 ? sockets : 0;
}

}  // namespace

Result<> check_preserved_descriptors(const Options& options) {
    int count = options.preserve_fds + listening_sockets();
    for (int fd = 3; fd < 3 + count; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0)
            return fail_errno("descriptor " + std::to_string(fd) + " is to be preserved");
    }
    return {};
}

int preserved_descriptors(const Options& options, std::vector<std::string>& environment) {
    int sockets = listening_sockets();
    if (sockets > 0) {
        environment.push_back("LISTEN_FDS=" + std::to_string(sockets));
        environment.emplace_back("LISTEN_PID=1");
    }
    return options.preserve_fds + sockets;
}

Result<ContainerState> launch(const Options& options, const std::string& id) {
    BERTH_TRY(Launched launched, Launch(options, id, true, {}).run());
    return std::move(launched.state);
}

Result<Launched> launch_to_run(const Options& options, const std::string& id, Company company) {
    return Launch(options, id, false, std::move(company)).run();
}

Result<> let_go(Launched& launched) {
    UniqueFd line = std::move(launched.line);
    if (!line) return {};
    BERTH_CHECK(send_message(line.get(), {SyncMessage::Kind::kGo, ""}));
    // It has closed its end, and all that it does not need any more, when this fails.
    for (;;) {
        auto heard = receive_message(line.get());
        if (!heard) return {};
        if (heard->kind == SyncMessage::Kind::kError) return fail(ErrorKind::kInternal, heard->text);
    }
}

}  // namespace berth::executor
