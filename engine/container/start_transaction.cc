#include "engine/container/start_transaction.h"

#include <cerrno>

#include "engine/async/event.h"
#include "engine/base/log.h"
#include "engine/container/defaults.h"
#include "engine/container/etc_files.h"
#include "engine/container/links.h"
#include "engine/container/mounting.h"
#include "engine/container/networking.h"
#include "engine/container/references.h"
#include "engine/container/runtime_plan.h"
#include "engine/container/scaffold.h"
#include "engine/container/state_machine.h"
#include "engine/container/user_space.h"
#include "engine/sys/foreign_mount.h"
#include "engine/sys/mount.h"
#include "engine/sys/safe_path.h"

namespace berth::container {

namespace {

// Docker makes a missing working folder; one that is something else is the user's mistake.
Result<> make_working_dir(const Container& container, int root, const Owner& owner) {
    const std::string& path = container.config.working_dir;
    if (path.empty() || path == "/") return {};
    auto made = sys::make_folders_in_root(root, path, 0755, owner.uid, owner.gid);
    if (made) return {};
    if (made.error().sys_errno == ENOTDIR) {
        return fail(ErrorKind::kInternal, "Cannot mkdir: " + path + " is not a directory");
    }
    return in("Cannot mkdir", Result<>(Failure(made.error())));
}

// Other containers that this one needs to run, found before its first step.
struct Others {
    ContainerPtr network, pid, ipc;  // whose namespaces it joins; null for none
    std::vector<LiveLink> links;
    std::unique_ptr<sys::UserSpace> user;  // null for the host's

    // Of several the last, as Docker has it.
    const ContainerPtr& user_owner() const { return pid ? pid : ipc ? ipc : network; }
};

// The root file system, and what has to be read or made in it before it has a process. On the pool.
Result<PlanInputs> prepare_root(const Core& core, const Container& container, const Others& others) {
    PlanInputs inputs;
    BERTH_TRY(auto root, root_mount(core, container.id));
    BERTH_TRY(inputs.root, sys::mount_detached(root));
    const Owner owner = core.parts.config.ids.root();
    BERTH_CHECK(make_working_dir(container, inputs.root.get(), owner));
    BERTH_TRY(auto prepared, prepare_mounts(core, container, inputs.root.get()));
    inputs.mounts = std::move(prepared.mounts);
    inputs.handed = std::move(prepared.handed);
    if (others.ipc) {
        // The namespace alone would be half of it: what is shared is above all /dev/shm.
        BERTH_TRY(UniqueFd shm, in("failed to join IPC namespace",
                                   sys::clone_foreign_mount(others.ipc->state.pid, "/dev/shm")));
        inputs.handed.push_back(std::move(shm));
        inputs.shm_source = supervisor::handed_mount_path(core.parts.config.state_root, container.id,
                                                          inputs.handed.size() - 1);
    }
    return inputs;
}

std::string namespace_path(const ContainerPtr& container, const char* name) {
    return container ? "/proc/" + std::to_string(container->state.pid) + "/ns/" + name : std::string();
}

// The container's network as its mode says: the path of the netns to join. On the pool.
Result<std::string> prepare_network(const Core& core, const Container& container, Others& others) {
    BERTH_TRY(others.user, make_user_space(maps_of(core.parts.config, container.host), others.user_owner()));
    if (others.network) return namespace_path(others.network, "net");
    // A namespace of its own, without anything in it but the loopback.
    if (container.config.network_disabled) return std::string();
    find_addresses(core, others.links);
    auto request = sandbox_request(container);
    request.links = linked_ports(others.links);
    if (others.user) request.netns = others.user->network_path();
    BERTH_TRY(auto sandbox, in("failed to set up container networking", core.parts.networks.attach(request)));
    if (auto written = write_etc_files(core, container, sandbox, link_hosts(others.links)); !written) {
        (void)core.parts.networks.detach(container.id);
        return Failure(std::move(written.error()));
    }
    return sandbox.key;
}

// A pool job that runs beside its coroutine.
template <typename T>
struct Step {
    explicit Step(IoContext& io) : done(io) {}
    Result<T> result;
    async::Event done;
};

template <typename T>
Async<void> run_step(async::BlockingPool& pool, std::function<Result<T>()> work,
                     std::shared_ptr<Step<T>> step) {
    step->result = co_await pool.run(std::move(work));
    step->done.set();
}

template <typename T>
std::shared_ptr<Step<T>> begin_step(Core& core, async::BlockingPool& pool, std::function<Result<T>()> work) {
    auto step = std::make_shared<Step<T>>(core.parts.io);
    if (!core.gate.spawn(run_step<T>(pool, std::move(work), step))) {
        step->result = fail(ErrorKind::kUnavailable, "the engine is shutting down");
        step->done.set();
    }
    return step;
}

// The container that a mode names, which has to run.
Result<ContainerPtr> running_namespace(const Core& core, const std::string& mode, const char* what,
                                       ErrorKind when_stopped) {
    const std::string ref = joined_ref(mode);
    if (ref.empty()) return ContainerPtr();
    const std::string phrase = std::string("failed to join ") + what + " namespace";
    BERTH_TRY(auto other, in(phrase, core.store.find(ref)));
    if (other->state.live()) return other;
    return fail(when_stopped, phrase + ": container " + other->id + " is not running");
}

Result<ContainerPtr> running_network(const Core& core, const Container& container) {
    const std::string ref = joined_ref(container.network);
    if (ref.empty() || container.config.network_disabled) return ContainerPtr();
    auto other = core.store.find(ref);
    if (!other) {
        return fail(ErrorKind::kInternal, "joining network namespace of container: " + other.error().message);
    }
    if ((*other)->state.live()) return *other;
    return fail(ErrorKind::kConflict, "cannot join network namespace of a non running container: container " +
                                          (*other)->name + " is " + status_text((*other)->state.status));
}

// "private" and "none" are for one container alone.
bool shares_ipc(const std::string& mode) {
    return mode == "shareable" || mode == "host" || !joined_ref(mode).empty();
}

Result<std::shared_ptr<Others>> find_others(const Core& core, const Container& container) {
    auto others = std::make_shared<Others>();
    BERTH_TRY(others->network, running_network(core, container));
    BERTH_TRY(others->pid, running_namespace(core, container.host.pid_mode, "PID", ErrorKind::kInternal));
    BERTH_TRY(others->ipc, running_namespace(core, container.host.ipc_mode, "IPC", ErrorKind::kConflict));
    if (others->ipc && !shares_ipc(others->ipc->host.ipc_mode)) {
        return fail(ErrorKind::kInvalidArgument,
                    "failed to join IPC namespace: container " + others->ipc->id +
                        ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)");
    }
    BERTH_TRY(others->links, live_links(core, container));
    return others;
}

supervisor::TaskSpec task_spec(const Container& container, RuntimePlan plan, UniqueFd root) {
    supervisor::TaskSpec spec;
    spec.id = container.id;
    spec.config_json = std::move(plan.config_json);
    spec.cgroup_paths = std::move(plan.cgroup_paths);
    spec.root = std::move(root);
    spec.terminal = container.config.tty;
    spec.open_stdin = container.config.open_stdin;
    spec.stdin_once = container.config.stdin_once;
    if (container.host.console_size.size() == 2) {
        spec.rows = static_cast<std::uint16_t>(container.host.console_size[0]);
        spec.columns = static_cast<std::uint16_t>(container.host.console_size[1]);
    }
    spec.log_driver = std::move(plan.log.driver);
    spec.log_path = std::move(plan.log.path);
    spec.log_options = std::move(plan.log.options);
    spec.log_attributes = std::move(plan.log.attributes);
    spec.log_tag = std::move(plan.log.tag);
    return spec;
}

struct Started {
    pid_t pid = 0;
    Timestamp at{};
};

// The part that leaves a task behind when it fails.
Async<Result<Started>> run_task(Core& core, ContainerPtr container, supervisor::TaskSpec spec) {
    Started started;
    BERTH_CO_TRY(started.pid, co_await core.parts.tasks.create(std::move(spec)));
    core.parts.networks.announce(container->id);
    BERTH_CO_CHECK(co_await core.hub.connect(container->id));
    BERTH_CO_TRY(started.at, co_await core.parts.tasks.start(container->id));
    co_return started;
}

// The parts of a task, made beside each other, and put together.
Async<Result<supervisor::TaskSpec>> make_task(Core& core, ContainerPtr container,
                                              std::shared_ptr<Others> others, RuntimeProgram program,
                                              std::shared_ptr<Step<std::string>> network) {
    auto root_work = [&core, container, others] { return prepare_root(core, *container, *others); };
    auto root = begin_step<PlanInputs>(core, core.parts.mount_pool, std::move(root_work));
    core.parts.tasks.expect(container->id, program.path.empty());
    (void)co_await root->done.wait();
    (void)co_await network->done.wait();
    if (!network->result) co_return Failure(network->result.error());
    if (!root->result) co_return Failure(root->result.error());
    PlanInputs inputs = std::move(*root->result);
    inputs.netns = *network->result;
    inputs.pid_ns = namespace_path(others->pid, "pid");
    inputs.ipc_ns = namespace_path(others->ipc, "ipc");
    if (others->user) inputs.user_ns = others->user->user_path();
    inputs.linked = link_environment(*container, others->links);
    auto plan_work = [&core, container, &inputs] { return make_runtime_plan(core, *container, inputs); };
    auto plan = co_await core.parts.pool.run(std::move(plan_work));
    if (!plan) {
        // The request was accepted long ago: what is wrong with it now is no fault of this one.
        if (plan.error().kind == ErrorKind::kInvalidArgument) plan.error().kind = ErrorKind::kInternal;
        co_return Failure(std::move(plan.error()));
    }
    auto probe = std::move(plan->health);
    auto spec = task_spec(*container, std::move(*plan), std::move(inputs.root));
    spec.runtime = program.path;
    spec.runtime_args = program.arguments;
    spec.health = std::move(probe);
    spec.mounts = std::move(inputs.handed);
    co_return spec;
}

Async<Result<>> run_steps(Core& core, ContainerPtr container) {
    // It may have been taken away since the create, and the table may change while the steps run.
    BERTH_CO_TRY(auto program, find_runtime(container->host.runtime, core.parts.config));
    BERTH_CO_TRY(auto others, find_others(core, *container));
    auto network_work = [&core, container, others] { return prepare_network(core, *container, *others); };
    auto network = begin_step<std::string>(core, core.parts.pool, std::move(network_work));
    auto spec = co_await make_task(core, container, others, program, network);
    Result<> problem;
    if (!spec) {
        problem = Failure(std::move(spec.error()));
    } else {
        const bool probed = spec->health.has_value();
        auto started = co_await run_task(core, container, std::move(*spec));
        if (started) {
            State state = after_start(core.store.get(container->id)->state, started->pid, started->at);
            state.health = probed ? std::make_shared<const supervisor::Health>() : nullptr;
            co_return co_await core.store.save_state(container->id, std::move(state));
        }
        problem = Failure(std::move(started.error()));
    }
    auto removed = co_await core.parts.tasks.remove(container->id);
    if (!removed) log::warning("a task that did not start is left", {{"error", removed.error().message}});
    if (network->result) {
        auto undo = [&core, container] { return core.parts.networks.detach(container->id); };
        auto undone = co_await core.parts.pool.run(std::move(undo));
        if (!undone) log::warning("a network that is not used is left", {{"error", undone.error().message}});
    }
    auto unmount = [&core, container] { release_mounts(core, *container); };
    co_await core.parts.mount_pool.run(std::move(unmount));
    co_return problem;
}

}  // namespace

Async<Result<>> run_start(Core& core, ContainerPtr container) {
    auto done = co_await run_steps(core, container);
    if (done) {
        core.publish(*container, "start");
        core.gate.spawn(tell_linked(core, container->id));
        co_return Result<>();
    }
    core.hub.abandon(container->id);
    Error error = start_error(std::move(done.error()));
    State state = after_failed_start(core.store.get(container->id)->state, error);
    (void)co_await core.store.save_state(container->id, std::move(state));
    co_return Failure(std::move(error));
}

}  // namespace berth::container
