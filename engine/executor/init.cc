#include "engine/executor/init.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/executor/attributes.h"
#include "engine/executor/console.h"
#include "engine/executor/hooks.h"
#include "engine/executor/identity.h"
#include "engine/executor/labels.h"
#include "engine/executor/last_steps.h"
#include "engine/executor/loopback.h"
#include "engine/executor/rootfs.h"
#include "engine/executor/socket_calls.h"
#include "engine/executor/start_gate.h"
#include "engine/executor/sync.h"
#include "engine/executor/sysctls.h"

namespace berth::executor {

namespace {

// Until the parent says so. It is gone, or has given up, otherwise.
void await_go(int sync_fd) {
    auto go = receive_message(sync_fd);
    if (!go || go->kind != SyncMessage::Kind::kGo) ::_exit(1);
}

void say(const InitPlan& plan, int sync_fd, const char* text) {
    if (plan.debug) (void)send_message(sync_fd, {SyncMessage::Kind::kDebug, text}).has_value();
}

Result<UniqueFd> ask_source(int sync_fd, std::size_t number) {
    BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kSource, std::to_string(number)}));
    return receive_descriptor(sync_fd);
}

// Of whoever is process 1 of its namespace the kernel keeps signals away that have their default meaning;
// until the user's program is there they end it all the same.
void end_on_signals() {
    struct sigaction action{};
    action.sa_handler = [](int signal) { ::_exit(128 + signal); };
    for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaction(signal, &action, nullptr);
}

void join_keyring(const std::string& id) {
    // Nobody's keys of outside; a kernel without keyrings, or a quota, is no reason not to start.
    long ring = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, ("_ses." + id).c_str());
    constexpr unsigned long kUserSearch = 0x80000;
    if (ring < 0) return;
    struct {
        char text[256] = {};
    } description;
    // "keyring;0;0;3f030000;_ses.id": the permissions as they are, with search for the user, so that exec
    // finds it.
    if (::syscall(SYS_keyctl, KEYCTL_DESCRIBE, ring, description.text, sizeof description.text - 1) < 0)
        return;
    const char* at = description.text;
    for (int field = 0; field < 3 && at != nullptr; ++field) {
        at = std::strchr(at, ';');
        if (at != nullptr) ++at;
    }
    if (at == nullptr) return;
    (void)::syscall(SYS_keyctl, KEYCTL_SETPERM, ring, std::strtoul(at, nullptr, 16) | kUserSearch);
}

// The parent has made it meanwhile.
Result<> join_cgroup(const InitPlan& plan, int sync_fd) {
    std::vector<UniqueFd> files;
    auto heard = receive_message(sync_fd, files);
    if (!heard || heard->kind != SyncMessage::Kind::kCgroup) ::_exit(1);
    BERTH_CHECK(in("unable to apply cgroup configuration", cgroup::join_by(files)));
    reset_cpu_affinity(0);
    if (plan.spaces.is_fresh(CLONE_NEWCGROUP) && ::unshare(CLONE_NEWCGROUP) != 0)
        return fail_errno("unshare cgroup");
    return {};
}

// The mounts are there, the old root is still in sight.
Result<> run_early_hooks(const InitPlan& plan, const Rootfs& rootfs, int sync_fd) {
    const oci::Hooks& hooks = plan.spec.hooks;
    if (!hooks.prestart.empty() || !hooks.create_runtime.empty()) {
        BERTH_CHECK(send_message(sync_fd, {SyncMessage::Kind::kHooks, ""}));
        await_go(sync_fd);
    }
    if (hooks.create_container.empty()) return {};
    BERTH_CHECK(rootfs.go_there());
    return run_hooks("createContainer", hooks.create_container,
                     hook_state(plan.state, "creating", ::getpid()));
}

Result<> set_names(const oci::RuntimeSpec& spec) {
    if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) != 0)
        return fail_errno("sethostname");
    if (!spec.domainname.empty() && ::setdomainname(spec.domainname.data(), spec.domainname.size()) != 0)
        return fail_errno("setdomainname");
    return {};
}

Result<> set_attributes(const InitPlan& plan) {
    const oci::Process& process = *plan.spec.process;
    // In a user namespace the parent does it, with the host's rights.
    if (!plan.spaces.has(CLONE_NEWUSER)) BERTH_CHECK(set_rlimits(0, process.rlimits));
    if (process.scheduler) BERTH_CHECK(set_scheduler(*process.scheduler));
    if (process.io_priority) BERTH_CHECK(set_io_priority(*process.io_priority));
    if (plan.spec.linux_.personality) BERTH_CHECK(set_personality(*plan.spec.linux_.personality));
    if (plan.spec.linux_.memory_policy) BERTH_CHECK(set_memory_policy(*plan.spec.linux_.memory_policy));
    return {};
}

Result<std::string> set_up(const InitPlan& plan, int sync_fd) {
    const oci::RuntimeSpec& spec = plan.spec;
    const oci::Process& process = *spec.process;
    say(plan, sync_fd, "child process in init()");
    if (plan.spaces.has(CLONE_NEWUSER)) BERTH_CHECK(become_root_here());
    if (::setsid() < 0) return fail_errno("setsid");
    if (plan.new_keyring) join_keyring(plan.state.id);
    if (plan.own_spaces != 0 && ::unshare(static_cast<int>(plan.own_spaces)) != 0)
        return fail_errno("unshare network");
    if (plan.spaces.is_fresh(CLONE_NEWNET)) BERTH_CHECK(bring_up_loopback());
    BERTH_TRY(LabelFiles labels, open_label_files(process));
    cgroup::Layout cgroups = plan.state.layout;
    if (plan.spaces.join_of(CLONE_NEWNS) != nullptr) {
        BERTH_TRY(cgroups, cgroup::current_layout());
    }
    Rootfs rootfs(spec, plan.spaces, plan.state.rootfs, cgroups, plan.state.places, plan.sources,
                  {[&plan, sync_fd] { return join_cgroup(plan, sync_fd); },
                   [sync_fd](std::size_t number) { return ask_source(sync_fd, number); }});
    BERTH_CHECK(rootfs.prepare());
    BERTH_CHECK(run_early_hooks(plan, rootfs, sync_fd));
    BERTH_CHECK(rootfs.enter(plan.pivot));
    BERTH_CHECK(set_names(spec));
    BERTH_CHECK(apply_labels(labels, process));
    // Before they become read-only; and the terminal after the masks, so that no path of it can lead over
    // one.
    BERTH_CHECK(apply_sysctls(spec.linux_));
    BERTH_CHECK(rootfs.mask_paths());
    if (plan.console) {
        BERTH_CHECK(
            in("setup console", take_terminal(plan.console.get(), process.console_size, process.user.uid,
                                              ConsoleNode::kMake, plan.plain_lines)));
    }
    Folder folder{.make = true};
    BERTH_CHECK(enter_folder(process.cwd, folder));
    BERTH_CHECK(rootfs.finish());
    BERTH_CHECK(set_attributes(plan));
    return step_down(process, plan.filter, folder, sync_fd);
}

}  // namespace

void run_init(const InitPlan& plan, int sync_fd) {
    ::signal(SIGPIPE, SIG_DFL);
    std::vector<int> kept = {sync_fd, plan.gate.get(), plan.console.get()};
    for (const UniqueFd& source : plan.sources) kept.push_back(source.get());
    close_descriptors(plan.preserve_fds, std::move(kept));
    await_go(sync_fd);
    // Not earlier: without privileges the parent could not map the ids of a process that is not dumpable.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    auto program = set_up(plan, sync_fd);
    if (!program) give_up(sync_fd, program.error());
    const oci::Process& process = *plan.spec.process;
    std::vector<std::string> words = process.env;
    complete_environment(words, process.user.uid);
    std::vector<char*> arguments = pointers(process.args), environment = pointers(words);
    // Not later: whoever hears that it is ready may send one.
    end_on_signals();
    say(plan, sync_fd, "init: closing the pipe to signal completion");
    if (auto sent = send_message(sync_fd, {SyncMessage::Kind::kReady, ""}); !sent) ::_exit(1);
    if (!plan.at_once) await_go(sync_fd);
    // What is open from here on until exec closes it: the streams, and what leads to whoever starts it.
    int starter = plan.gate ? plan.gate.get() : sync_fd;
    // A filter may keep close_range(2) from working: the parent waits for this one.
    if (plan.gate) ::close(sync_fd);
    close_descriptors(plan.preserve_fds, {starter});
    if (plan.gate && !pass_gate(plan.gate.get())) ::_exit(1);
    auto hooked = run_hooks("startContainer", plan.spec.hooks.start_container,
                            hook_state(plan.state, "created", ::getpid()), words);
    if (!hooked && plan.gate) tell_failure(starter, hooked.error().message);
    if (!hooked && !plan.gate) give_up(starter, hooked.error());
    if (!hooked) ::_exit(1);
    ::execve(program->c_str(), arguments.data(), environment.data());
    // As with runc the container has been started and ends at once; its log says why.
    std::string text = "exec " + *program + ": " + ::strerrordesc_np(errno) + "\n";
    for (std::size_t at = 5 + program->size() + 2; at < text.size(); ++at) {
        text[at] = static_cast<char>(::tolower(text[at]));
    }
    (void)write_all(STDERR_FILENO, text).has_value();
    ::_exit(255);
}

}  // namespace berth::executor
