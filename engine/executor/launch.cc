#include "engine/executor/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/base/undo.h"
#include "engine/executor/attributes.h"
#include "engine/executor/capabilities.h"
#include "engine/executor/hooks.h"
#include "engine/executor/id_maps.h"
#include "engine/executor/identity.h"
#include "engine/executor/init.h"
#include "engine/executor/last_steps.h"
#include "engine/executor/report.h"
#include "engine/executor/rootfs.h"
#include "engine/executor/seccomp_agent.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/spec_check.h"
#include "engine/executor/sync.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// What every container may do with devices, whatever its rules say: make any node, and use the basic ones,
// the terminals and tun. runc adds the same, and callers count on it.
void complete_device_rules(std::vector<oci::DeviceRule>& rules) {
    // Nothing is allowed that no rule allows: a fresh cgroup of version 1 has its parent's rules.
    rules.insert(rules.begin(), oci::DeviceRule{false, "a", {}, {}, "rwm"});
    const oci::DeviceRule basic[] = {
        {true, "c", {}, {}, "m"}, {true, "b", {}, {}, "m"},   {true, "c", 1, 3, "rwm"},
        {true, "c", 1, 8, "rwm"}, {true, "c", 1, 7, "rwm"},   {true, "c", 5, 0, "rwm"},
        {true, "c", 1, 5, "rwm"}, {true, "c", 1, 9, "rwm"},   {true, "c", 136, {}, "rwm"},
        {true, "c", 5, 2, "rwm"}, {true, "c", 10, 200, "rwm"}};
    rules.insert(rules.end(), std::begin(basic), std::end(basic));
}

bool limits_anything(const oci::Resources& resources) {
    oci::Resources rest = resources;
    rest.devices.clear();
    return !(rest == oci::Resources{});
}

bool not_allowed(const Error& error) {
    return error.sys_errno == EACCES || error.sys_errno == EPERM || error.sys_errno == EROFS;
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// One `create`, step by step; what it has made goes again unless it succeeds.
class Launch {
 public:
    Launch(const Options& options, const std::string& id, UniqueFd console, const sigset_t* mask)
        : options_(options), mask_(mask) {
        plan_.state.id = id;
        plan_.console = std::move(console);
        plan_.plain_lines = static_cast<bool>(plan_.console);
    }
    Result<ContainerState> run();

 private:
    Result<> read_bundle();
    void settle(oci::SpecMount& mount) const;
    Result<> make_folder();
    Result<> make_cgroup();
    [[noreturn]] void become_init(int sync_fd);
    Result<> make_init();
    Result<pid_t> clone_init(int sync_fd);
    Result<pid_t> clone_from_stage(int sync_fd);
    Result<> release_init();
    Result<> converse();
    Result<> run_runtime_hooks();
    Result<> publish();

    oci::RuntimeSpec& spec() { return plan_.spec; }
    ContainerState& state() { return plan_.state; }

    const Options& options_;
    const sigset_t* mask_;
    InitPlan plan_;
    std::string config_;
    std::optional<cgroup::Cgroup> group_;
    UniqueFd sync_;
    pid_t pid_ = 0;
    bool born_inside_ = false;
    UndoStack undo_;
};

Result<> Launch::read_bundle() {
    char resolved[PATH_MAX];
    if (::realpath(options_.bundle.c_str(), resolved) == nullptr)
        return fail_errno("chdir " + options_.bundle);
    state().bundle = resolved;
    auto text = read_file(state().bundle + "/config.json");
    if (!text && text.error().sys_errno == ENOENT)
        return bad("JSON specification file config.json not found");
    if (!text) return Failure(std::move(text.error()));
    config_ = std::move(*text);
    BERTH_TRY(spec(), oci::parse_runtime_spec(config_));
    BERTH_CHECK(check_spec(spec(), options_));
    BERTH_TRY(plan_.spaces, spaces_of(spec()));
    if (spec().process->capabilities) {
        std::string unknown = unavailable_capabilities(*spec().process->capabilities);
        if (!unknown.empty())
            warn(options_, "ignoring unknown or unavailable capabilities: [" + unknown + "]");
    }
    const std::string& root = spec().root.path;
    std::string path = root.starts_with("/") ? root : state().bundle + "/" + root;
    if (::realpath(path.c_str(), resolved) == nullptr) return fail_errno("invalid rootfs: stat " + path);
    // Links up to the root are the caller's own; the root itself has to be what it says.
    state().rootfs = resolved;
    for (oci::SpecMount& mount : spec().mounts) settle(mount);
    state().oci_version = spec().oci_version;
    state().annotations = spec().annotations;
    state().owner = ::getuid();
    state().own_pids = plan_.spaces.has(CLONE_NEWPID);
    state().hooks = !spec().hooks.poststart.empty() || !spec().hooks.poststop.empty();
    BERTH_TRY(plan_.preserve_fds, preserved_descriptors(options_, spec().process->env));
    plan_.new_keyring = !options_.no_new_keyring;
    plan_.pivot = !options_.no_pivot;
    return {};
}

// Sources of binds are relative to the bundle; a target that names the root again means what is inside.
void Launch::settle(oci::SpecMount& mount) const {
    auto has = [&](const char* word) {
        return std::find(mount.options.begin(), mount.options.end(), word) != mount.options.end();
    };
    bool bind = mount.type == "bind" || has("bind") || has("rbind");
    if (bind && !mount.source.starts_with("/")) mount.source = plan_.state.bundle + "/" + mount.source;
    if (mount.destination.starts_with(plan_.state.rootfs + "/"))
        mount.destination = mount.destination.substr(plan_.state.rootfs.size());
}

Result<> Launch::make_folder() {
    const std::string& id = state().id;
    BERTH_CHECK(make_folders(options_.root, 0700));
    std::string folder = state_folder(options_.root, id);
    if (::mkdir(folder.c_str(), 0700) != 0) {
        if (errno == EEXIST) return fail(ErrorKind::kConflict, "container with given ID already exists");
        return fail_errno("mkdir " + folder);
    }
    undo_.push([folder] { (void)remove_tree(folder).has_value(); });
    BERTH_CHECK(write_file(folder + "/config.json", config_));
    for (const auto& [path, fd] : {std::pair(start_fifo(options_.root, id), &plan_.start),
                                   std::pair(answer_fifo(options_.root, id), &plan_.answer)}) {
        if (::mkfifo(path.c_str(), 0600) != 0) return fail_errno("mkfifo");
        BERTH_TRY(*fd, open_file(path, O_RDWR));
    }
    return {};
}

Result<> Launch::make_cgroup() {
    BERTH_TRY(cgroup::Layout layout, cgroup::current_layout());
    BERTH_TRY(state().places, cgroup::places_of(layout, spec().linux_.cgroups_path, state().id));
    BERTH_TRY(group_, cgroup::Cgroup::at(layout, state().places));
    oci::Resources resources = spec().linux_.resources.value_or(oci::Resources());
    auto made = group_->create();
    if (!made && options_.rootless && spec().linux_.cgroups_path.empty() && not_allowed(made.error())) {
        // Without privileges, and nobody has set a cgroup aside: the caller's own it is, without limits.
        state().places.clear();
        BERTH_TRY(group_, cgroup::Cgroup::at(layout, state().places));
        if (limits_anything(resources))
            return fail(ErrorKind::kForbidden,
                        "cannot set limits: container could not join or create cgroup");
        return {};
    }
    BERTH_CHECK(std::move(made));
    undo_.push([group = *group_] { (void)group.remove().has_value(); });
    complete_device_rules(resources.devices);
    auto applied = group_->apply(resources);
    bool given_up =
        !applied && options_.rootless && not_allowed(applied.error()) && !limits_anything(resources);
    if (!given_up) BERTH_CHECK(std::move(applied));
    state().freezer = group_->freezer_file();
    return {};
}

void Launch::become_init(int sync_fd) {
    if (mask_ != nullptr) ::sigprocmask(SIG_SETMASK, mask_, nullptr);
    run_init(plan_, sync_fd);
}

Result<pid_t> Launch::clone_init(int sync_fd) {
    // On pure version 2 a process is born in its cgroup, which is cheaper than moving it there.
    UniqueFd folder;
    const auto& folders = group_->folders();
    if (folders.size() == 1 && folders.front().unified)
        folder.reset(::open(folders.front().path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BERTH_TRY(SpacesBefore before, join_spaces(plan_.spaces));
    if (plan_.spaces.is_fresh(kTimeSpace)) BERTH_CHECK(make_time_space(spec(), before));
    BERTH_TRY(pid_t pid, clone_into(plan_.spaces.fresh, folder ? folder.get() : -1, false, &born_inside_));
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
            return clone_into(plan_.spaces.fresh, -1, true);
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
    if (spec().linux_.seccomp) {
        BERTH_TRY(plan_.filter, compile_filter(*spec().linux_.seccomp, options_.root + "/.filters"));
    }
    if (!spec().process->terminal) plan_.console.reset();
    if (!options_.console_socket.empty()) {
        BERTH_TRY(plan_.console, connect_unix(options_.console_socket));
    }
    BERTH_TRY(plan_.sources, open_sources(spec(), plan_.spaces));
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    sync_.reset(pair[0]);
    UniqueFd theirs(pair[1]);
    // From here on nothing of this process may be read or traced from inside a container that is being
    // joined. Without privileges that has to wait until the ids are mapped; init sees to itself.
    if (::geteuid() == 0) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ::signal(SIGPIPE, SIG_IGN);
    BERTH_TRY(pid_, plan_.spaces.need_stage() ? clone_from_stage(theirs.get()) : clone_init(theirs.get()));
    undo_.push([pid = pid_] {
        ::kill(pid, SIGKILL);
        reap(pid);
    });
    plan_.start.reset();
    plan_.answer.reset();
    plan_.console.reset();
    plan_.sources.clear();
    return {};
}

// Everything that only the host's side can do for it; then it may go on.
Result<> Launch::release_init() {
    const oci::Process& process = *spec().process;
    if (plan_.spaces.is_fresh(CLONE_NEWUSER))
        BERTH_CHECK(write_id_maps(pid_, spec().linux_.uid_mappings, spec().linux_.gid_mappings));
    if (!born_inside_) BERTH_CHECK(in("unable to apply cgroup configuration", group_->join(pid_)));
    reset_cpu_affinity(pid_);
    if (process.oom_score_adj) {
        auto written = write_file("/proc/" + std::to_string(pid_) + "/oom_score_adj",
                                  std::to_string(*process.oom_score_adj));
        // Only CAP_SYS_RESOURCE may lower it: where the engine itself has not got it, its containers go
        // without.
        if (!written) warn(options_, "oom_score_adj is not set: " + written.error().message);
    }
    if (plan_.spaces.has(CLONE_NEWUSER)) BERTH_CHECK(set_rlimits(pid_, process.rlimits));
    return send_message(sync_.get(), {SyncMessage::Kind::kGo, ""});
}

Result<> Launch::run_runtime_hooks() {
    std::string text = hook_state(state(), "creating", pid_);
    BERTH_CHECK(run_hooks("prestart", spec().hooks.prestart, text));
    return run_hooks("createRuntime", spec().hooks.create_runtime, text);
}

Result<> Launch::converse() {
    constexpr const char* kFailed = "unable to start container process: ";
    for (;;) {
        auto heard = receive_message(sync_.get());
        if (!heard) return bad(std::string(kFailed) + "container init exited before it was ready");
        switch (heard->kind) {
            case SyncMessage::Kind::kReady:
                // It has closed its end, and all that it does not need any more, when this fails.
                while (receive_message(sync_.get())) {
                }
                return {};
            case SyncMessage::Kind::kWarning:
                warn(options_, heard->text);
                break;
            case SyncMessage::Kind::kHooks:
                BERTH_CHECK(in("unable to start container process", run_runtime_hooks()));
                BERTH_CHECK(send_message(sync_.get(), {SyncMessage::Kind::kGo, ""}));
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

Result<> Launch::publish() {
    state().created = format_rfc3339_nano(now());
    state().pid = pid_;
    state().start_time = process_start_time(pid_);
    BERTH_CHECK(save_state(options_.root, state()));
    if (!options_.pidfd_socket.empty()) {
        BERTH_TRY(UniqueFd init, sys::open_pidfd(pid_));
        BERTH_TRY(UniqueFd socket, connect_unix(options_.pidfd_socket));
        BERTH_CHECK(send_descriptor(socket.get(), init.get(), "standard"));
    }
    if (options_.pid_file.empty()) return {};
    return replace_file(options_.pid_file, std::to_string(pid_), 0644, Sync::kNone);
}

Result<ContainerState> Launch::run() {
    BERTH_CHECK(check_id(state().id));
    BERTH_CHECK(read_bundle());
    BERTH_CHECK(make_folder());
    BERTH_CHECK(make_cgroup());
    BERTH_CHECK(make_init());
    BERTH_CHECK(release_init());
    BERTH_CHECK(converse());
    BERTH_CHECK(publish());
    undo_.keep();
    return std::move(state());
}

}  // namespace

Result<int> preserved_descriptors(const Options& options, std::vector<std::string>& environment) {
    int count = options.preserve_fds;
    const char* listening = std::getenv("LISTEN_FDS");
    int sockets = listening == nullptr ? 0 : std::atoi(listening);
    if (sockets > 0 && sockets <= 1024) {
        count += sockets;
        environment.push_back("LISTEN_FDS=" + std::to_string(sockets));
        environment.emplace_back("LISTEN_PID=1");
    }
    for (int fd = 3; fd < 3 + count; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0)
            return fail_errno("descriptor " + std::to_string(fd) + " is to be preserved");
    }
    return count;
}

Result<ContainerState> launch(const Options& options, const std::string& id, UniqueFd console,
                              const sigset_t* mask) {
    return Launch(options, id, std::move(console), mask).run();
}

}  // namespace berth::executor
