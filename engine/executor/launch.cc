#include "engine/executor/launch.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <map>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/base/undo.h"
#include "engine/cgroup/cgroup.h"
#include "engine/executor/console.h"
#include "engine/executor/init.h"
#include "engine/executor/report.h"
#include "engine/executor/sync.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}
Failure later(std::string what) {
    return fail(ErrorKind::kNotImplemented, what + " is not supported yet");
}

Result<> check_spec(const oci::RuntimeSpec& spec, const Options& options) {
    if (!spec.process) return bad("process is required");
    const oci::Process& process = *spec.process;
    if (process.args.empty()) return bad("args must not be empty");
    if (process.cwd.empty() || process.cwd[0] != '/') return bad("Cwd must be an absolute path");
    if (process.terminal && options.console_socket.empty()) {
        return bad("cannot allocate tty if runc will detach without setting console socket");
    }
    if (!process.terminal && !options.console_socket.empty()) {
        return bad("cannot use console socket if runc will not detach or allocate tty");
    }
    if (!process.apparmor_profile.empty()) return later("process.apparmorProfile");
    if (!process.selinux_label.empty()) return later("process.selinuxLabel");
    if (!spec.linux_.mount_label.empty()) return later("linux.mountLabel");
    if (!spec.linux_.uid_mappings.empty() || !spec.linux_.gid_mappings.empty())
        return later("linux.uidMappings");
    if (options.no_pivot) return later("--no-pivot");
    for (const oci::SpecMount& mount : spec.mounts) {
        for (const char* word : {"tmpcopyup", "idmap", "ridmap"}) {
            bool has = std::find(mount.options.begin(), mount.options.end(), word) != mount.options.end();
            if (has) return later(std::string("the mount option ") + word);
        }
    }
    const oci::Hooks& hooks = spec.hooks;
    if (!(hooks == oci::Hooks{})) return later("hooks");
    return {};
}

struct Spaces {
    unsigned long long fresh = 0;  // CLONE_NEW*
    std::vector<std::pair<std::string, int>> joined;
};

// Only what belongs to a namespace that the container has for itself; anything else is the host's.
Result<> check_sysctl(const std::string& given, const Spaces& spaces) {
    std::string name = given;
    // "net/ipv4/conf/eth0.1/x" keeps the dots of names; otherwise dots separate.
    if (name.find('/') != std::string::npos) std::replace(name.begin(), name.end(), '/', '.');
    static constexpr std::string_view kIpc[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                "kernel.shmmni", "kernel.shm_rmid_forced"};
    auto own = [&](unsigned long long space) {
        bool joined = std::any_of(spaces.joined.begin(), spaces.joined.end(), [&](const auto& entry) {
            return static_cast<unsigned>(entry.second) == space;
        });
        return joined || (spaces.fresh & space) != 0;
    };
    bool ipc =
        std::find(std::begin(kIpc), std::end(kIpc), name) != std::end(kIpc) || name.starts_with("fs.mqueue.");
    bool net = name.starts_with("net.");
    bool uts = name == "kernel.domainname";
    if (name.find("..") != std::string::npos || !(ipc || net || uts)) {
        return bad("sysctl \"" + given + "\" is not in a separate kernel namespace");
    }
    if ((ipc && !own(CLONE_NEWIPC)) || (net && !own(CLONE_NEWNET)) || (uts && !own(CLONE_NEWUTS))) {
        return bad("sysctl \"" + given + "\" is not allowed in the hosts namespace");
    }
    return {};
}

Result<Spaces> namespaces_of(const oci::RuntimeSpec& spec) {
    static const std::map<std::string_view, int> known = {
        {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},
        {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},     {"cgroup", CLONE_NEWCGROUP}};
    Spaces spaces;
    std::map<std::string, bool> seen;
    for (const oci::Namespace& space : spec.linux_.namespaces) {
        auto found = known.find(space.type);
        if (found == known.end()) {
            if (space.type == "user" || space.type == "time") return later("a " + space.type + " namespace");
            return bad("unknown namespace \"" + space.type + "\"");
        }
        if (!seen.emplace(space.type, true).second) return bad("duplicated ns \"" + space.type + "\"");
        if (space.path.empty()) {
            spaces.fresh |= static_cast<unsigned>(found->second);
        } else if (space.type == "mount") {
            return later("joining a mount namespace");
        } else {
            spaces.joined.emplace_back(space.path, found->second);
        }
    }
    if ((spaces.fresh & CLONE_NEWNS) == 0) return bad("a container needs a mount namespace of its own");
    for (const auto& [name, value] : spec.linux_.sysctl) BERTH_CHECK(check_sysctl(name, spaces));
    bool own_uts = (spaces.fresh & CLONE_NEWUTS) != 0;
    if (!spec.hostname.empty() && !own_uts)
        return bad("unable to set hostname without a private UTS namespace");
    return spaces;
}

Result<> join_namespaces(const Spaces& spaces) {
    for (const auto& [path, type] : spaces.joined) {
        BERTH_TRY(UniqueFd space, in("lstat " + path, open_file(path, O_RDONLY)));
        if (::setns(space.get(), type) != 0) return fail_errno("join the namespace " + path);
    }
    return {};
}

Result<pid_t> clone_into(unsigned long long flags) {
    clone_args args{};
    // The cgroup namespace is made by init, once it is in its cgroup.
    args.flags = flags & ~static_cast<unsigned long long>(CLONE_NEWCGROUP);
    args.exit_signal = SIGCHLD;
    long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0 && (errno == ENOSYS || errno == EPERM)) {
        pid = ::syscall(SYS_clone, args.flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    }
    if (pid < 0) return fail_errno("clone");
    return static_cast<pid_t>(pid);
}

void set_oom_score(const Options& options, const oci::Process& process, pid_t pid) {
    if (!process.oom_score_adj) return;
    auto written =
        write_file("/proc/" + std::to_string(pid) + "/oom_score_adj", std::to_string(*process.oom_score_adj));
    // Only CAP_SYS_RESOURCE may lower it: where the engine itself has not got it, its containers go without.
    if (!written) warn(options, "oom_score_adj is not set: " + written.error().message);
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

std::string default_cgroup(const oci::RuntimeSpec& spec, const std::string& id) {
    std::string path = spec.linux_.cgroups_path.empty() ? "/" + id : spec.linux_.cgroups_path;
    return path.front() == '/' ? path : "/" + path;
}

}  // namespace

Result<ContainerState> launch(const Options& options, const std::string& id) {
    BERTH_CHECK(check_id(id));
    char resolved[PATH_MAX];
    if (::realpath(options.bundle.c_str(), resolved) == nullptr) return fail_errno("chdir " + options.bundle);
    std::string bundle = resolved;
    BERTH_TRY(std::string text,
              in("JSON specification file config.json", read_file(bundle + "/config.json")));
    BERTH_TRY(oci::RuntimeSpec spec, oci::parse_runtime_spec(text));
    BERTH_CHECK(check_spec(spec, options));
    BERTH_TRY(Spaces spaces, namespaces_of(spec));
    std::string rootfs = spec.root.path.starts_with("/") ? spec.root.path : bundle + "/" + spec.root.path;

    UndoStack undo;
    BERTH_CHECK(make_folders(options.root, 0700));
    std::string folder = state_folder(options.root, id);
    if (::mkdir(folder.c_str(), 0700) != 0) {
        if (errno == EEXIST) return fail(ErrorKind::kConflict, "container with given ID already exists");
        return fail_errno("mkdir " + folder);
    }
    undo.push([folder] { (void)remove_tree(folder).has_value(); });
    std::string fifo = fifo_path(options.root, id);
    if (::mkfifo(fifo.c_str(), 0622) != 0) return fail_errno("mkfifo");

    InitPlan plan{.spec = spec, .rootfs = rootfs, .cgroup_path = default_cgroup(spec, id), .id = id};
    plan.preserve_fds = options.preserve_fds;
    plan.new_keyring = !options.no_new_keyring;
    plan.new_namespaces = spaces.fresh;
    if (spec.linux_.seccomp) {
        BERTH_TRY(plan.filter, compile_filter(*spec.linux_.seccomp, options.root + "/.filters"));
    }
    BERTH_TRY(UniqueFd fifo_fd, open_file(fifo, O_PATH));
    UniqueFd console;
    if (!options.console_socket.empty()) {
        BERTH_TRY(console, connect_console(options.console_socket));
    }
    BERTH_TRY(cgroup::Layout layout, cgroup::current_layout());
    BERTH_TRY(cgroup::Cgroup group, cgroup::Cgroup::at(layout, plan.cgroup_path));
    BERTH_CHECK(group.create());
    undo.push([group] { (void)group.remove().has_value(); });
    oci::Resources resources = spec.linux_.resources.value_or(oci::Resources());
    complete_device_rules(resources.devices);
    BERTH_CHECK(group.apply(resources));

    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    plan.sync_fd = theirs.get();
    plan.fifo_fd = fifo_fd.get();
    plan.console_fd = console ? console.get() : -1;
    // From here on nothing of this process may be read or traced from inside a container that is being
    // joined.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ::signal(SIGPIPE, SIG_IGN);
    BERTH_CHECK(join_namespaces(spaces));
    BERTH_TRY(pid_t pid, clone_into(spaces.fresh));
    if (pid == 0) {
        ours.reset();
        run_init(plan);
    }
    theirs.reset();
    undo.push([pid] {
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    });
    BERTH_CHECK(in("unable to apply cgroup configuration", group.join(pid)));
    set_oom_score(options, *spec.process, pid);
    BERTH_CHECK(send_message(ours.get(), {SyncMessage::Kind::kGo, ""}));
    auto heard = receive_message(ours.get());
    for (; heard && heard->kind == SyncMessage::Kind::kWarning; heard = receive_message(ours.get()))
        warn(options, heard->text);
    if (!heard) return bad("unable to start container process: container init exited before it was ready");
    if (heard->kind != SyncMessage::Kind::kReady) {
        return bad("unable to start container process: error during container init: " + heard->text);
    }
    ContainerState state{.id = id,
                         .bundle = bundle,
                         .rootfs = rootfs,
                         .cgroup_path = plan.cgroup_path,
                         .created = format_rfc3339_nano(now()),
                         .oci_version = spec.oci_version,
                         .pid = pid,
                         .start_time = process_start_time(pid),
                         .owner = ::getuid(),
                         .annotations = spec.annotations};
    BERTH_CHECK(save_state(options.root, state));
    if (!options.pid_file.empty())
        BERTH_CHECK(replace_file(options.pid_file, std::to_string(pid), 0644, Sync::kNone));
    undo.keep();
    return state;
}

}  // namespace berth::executor
