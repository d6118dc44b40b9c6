#include "engine/container/execs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "engine/async/race.h"
#include "engine/base/base64.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/container/copy_streams.h"
#include "engine/container/environment.h"
#include "engine/container/links.h"
#include "engine/container/state_machine.h"
#include "engine/container/user_space.h"
#include "engine/spec/capabilities.h"
#include "engine/spec/container_spec.h"
#include "engine/spec/user_lookup.h"
#include "engine/sys/detach_keys.h"

namespace berth::container {

namespace {

// How long an exec that has ended can be asked for.
constexpr auto kKept = std::chrono::minutes(5);
constexpr auto kStartLimit = std::chrono::seconds(10);

struct Exec {
    explicit Exec(IoContext& io) : started(io), ended(io) {}
    std::string id, container;
    ExecRequest request;
    enum class State { kCreated, kStarting, kRunning, kExited } state = State::kCreated;
    pid_t pid = 0;
    int exit_code = 0;
    Timestamp exited_at{};
    async::Event started;  // or failed to
    async::Event ended;

    std::string command_line() const {
        return fmt::format("{} {}", request.command.front(),
                           fmt::join(request.command.begin() + 1, request.command.end(), " "));
    }
};
using ExecPtr = std::shared_ptr<Exec>;

class Execs final : public ContainerExecs {
 public:
    explicit Execs(Core& core) : core_(core) {}

    Async<Result<std::string>> create(std::string ref, ExecRequest request) override;
    Result<bool> startable(const std::string& id) override;
    Async<Result<>> start_detached(std::string id, ExecStart start) override;
    Async<Result<>> run(std::string id, ExecStart start, async::Stream& client) override;
    Async<Result<>> resize(std::string id, std::uint16_t rows, std::uint16_t columns) override;
    Result<std::string> inspect(const std::string& id) override;
    std::vector<std::string> running_in(const std::string& container) const override;

 private:
    using Stream = std::unique_ptr<async::Stream>;
    Result<ExecPtr> find(const std::string& id) const;
    // The exec's container, if it takes execs now.
    Result<ContainerPtr> container_of(const Exec& exec) const;
    Async<Result<Stream>> start(ExecPtr exec, ExecStart options);
    Async<Result<supervisor::ExecStarted>> start_task(ExecPtr exec, ContainerPtr container,
                                                      ExecStart options);
    Async<void> watch(ExecPtr exec);
    void publish(const Exec& exec, std::string action, std::map<std::string, std::string> more = {});
    void forget_old();

    Core& core_;
    std::map<std::string, ExecPtr> execs_;
};

Result<> check_running(const Container& container, const std::string& ref) {
    if (container.state.status == Status::kPaused) {
        return fail(ErrorKind::kConflict,
                    "Container " + ref + " is paused, unpause the container before exec");
    }
    if (container.state.status == Status::kRestarting) {
        return fail(ErrorKind::kConflict,
                    "Container " + container.id + " is restarting, wait until the container is running");
    }
    if (!container.state.live())
        return fail(ErrorKind::kConflict, "container " + container.id + " is not running");
    return {};
}

// The container's own root, as its init sees it; what is mounted below is not entered by those who read
// there.
Result<spec::ResolvedUser> user_of(const Container& container, const ExecRequest& request) {
    BERTH_TRY(UniqueFd root,
              open_file("/proc/" + std::to_string(container.state.pid) + "/root", O_PATH | O_DIRECTORY));
    const std::string& user = request.user.empty() ? container.config.user : request.user;
    return spec::look_up_user(root.get(), user, container.host.group_add);
}

const std::vector<std::uint32_t>& size_of(const ExecRequest& request, const ExecStart& start) {
    return start.console_size.empty() ? request.console_size : start.console_size;
}

// The container's process with the exec's changes: what is not asked for is as it was there.
Result<std::string> process_json(const Core& core, const Container& container, const ExecRequest& request,
                                 const ExecStart& start) {
    BERTH_TRY(std::string config, core.parts.tasks.config_json(container.id));
    BERTH_TRY(oci::RuntimeSpec spec, oci::parse_runtime_spec(config));
    if (!spec.process) return fail(ErrorKind::kDataLoss, "the container's spec has no process");
    oci::Process process = std::move(*spec.process);
    BERTH_TRY(auto user, user_of(container, request));
    process.user = user.user;
    BERTH_CHECK(check_mapped(maps_of(core.parts.config, container.host), process.user));
    process.args = request.command;
    const auto linked = link_variables(container, process.env);
    process.env = environment(container, user.home, request.tty, linked, request.env);
    process.cwd = request.working_dir.empty() ? container.config.working_dir : request.working_dir;
    if (process.cwd.empty()) process.cwd = "/";
    process.terminal = request.tty;
    process.console_size.reset();
    const auto& size = size_of(request, start);
    if (request.tty && size.size() == 2 && size[0] != 0) process.console_size = oci::Box{size[0], size[1]};
    if (request.privileged) {
        BERTH_TRY(auto all, spec::choose_capabilities({}, {}, true, spec::host_facts().capabilities));
        process.capabilities = oci::Capabilities();
        process.capabilities->bounding = process.capabilities->effective = process.capabilities->permitted =
            all;
    }
    return oci::render(process);
}

Result<ExecPtr> Execs::find(const std::string& id) const {
    auto found = execs_.find(id);
    if (found == execs_.end() || !core_.store.get(found->second->container))
        return fail(ErrorKind::kNotFound, "No such exec instance: " + id);
    return found->second;
}

Result<ContainerPtr> Execs::container_of(const Exec& exec) const {
    auto container = core_.store.get(exec.container);
    if (!container) return fail(ErrorKind::kNotFound, "No such exec instance: " + exec.id);
    BERTH_CHECK(check_running(*container, container->id));
    return container;
}

void Execs::publish(const Exec& exec, std::string action, std::map<std::string, std::string> more) {
    auto container = core_.store.get(exec.container);
    if (!container) return;
    more["execID"] = exec.id;
    core_.publish(*container, std::move(action), std::move(more));
}

void Execs::forget_old() {
    std::erase_if(execs_, [this](const auto& row) {
        const Exec& exec = *row.second;
        bool idle = exec.state == Exec::State::kExited || exec.state == Exec::State::kCreated;
        if (idle && !core_.store.get(exec.container)) return true;
        return exec.state == Exec::State::kExited && now() - exec.exited_at > kKept;
    });
}

Async<Result<std::string>> Execs::create(std::string ref, ExecRequest request) {
    BERTH_CO_TRY(auto container, core_.store.find(ref));
    BERTH_CO_CHECK(check_running(*container, ref));
    if (!sys::parse_detach_keys(request.detach_keys)) {
        co_return fail(ErrorKind::kInternal, "Invalid escape keys (" + request.detach_keys + ") provided");
    }
    auto look = [container, request] { return user_of(*container, request); };
    BERTH_CO_CHECK(co_await core_.parts.pool.run(std::move(look)));
    forget_old();
    auto exec = std::make_shared<Exec>(core_.parts.io);
    exec->id = random_hex(32);
    exec->container = container->id;
    exec->request = std::move(request);
    execs_[exec->id] = exec;
    publish(*exec, "exec_create: " + exec->command_line());
    co_return exec->id;
}

Result<bool> Execs::startable(const std::string& id) {
    BERTH_TRY(auto exec, find(id));
    BERTH_CHECK(container_of(*exec));
    return exec->request.tty;
}

Async<Result<supervisor::ExecStarted>> Execs::start_task(ExecPtr exec, ContainerPtr container,
                                                         ExecStart options) {
    supervisor::ExecSpec spec;
    auto render = [this, container, exec, options] {
        return process_json(core_, *container, exec->request, options);
    };
    BERTH_CO_TRY(spec.process_json, co_await core_.parts.pool.run(std::move(render)));
    spec.exec_id = exec->id;
    spec.terminal = exec->request.tty;
    if (!options.detach) {
        spec.input = exec->request.input;
        spec.output = exec->request.output;
        spec.error = exec->request.error;
    }
    if (const auto& size = size_of(exec->request, options); size.size() == 2) {
        spec.rows = static_cast<std::uint16_t>(size[0]);
        spec.columns = static_cast<std::uint16_t>(size[1]);
    }
    co_return co_await core_.parts.tasks.exec(container->id, std::move(spec));
}

Async<Result<Execs::Stream>> Execs::start(ExecPtr exec, ExecStart options) {
    if (exec->state == Exec::State::kExited)
        co_return fail(ErrorKind::kConflict, "exec command " + exec->id + " has already run");
    if (exec->state != Exec::State::kCreated)
        co_return fail(ErrorKind::kConflict, "exec command " + exec->id + " is already running");
    BERTH_CO_TRY(auto container, container_of(*exec));
    exec->state = Exec::State::kStarting;
    publish(*exec, "exec_start: " + exec->command_line());
    auto task = co_await start_task(exec, container, options);
    if (!task) {
        exec->exit_code = after_failed_start({}, task.error()).exit_code;
        exec->exited_at = now();
        exec->state = Exec::State::kExited;
        exec->started.set();
        co_return Failure(start_error(std::move(task.error())));
    }
    exec->pid = task->pid;
    exec->state = Exec::State::kRunning;
    exec->started.set();
    auto watching = watch(exec);
    core_.gate.spawn(std::move(watching));
    co_return std::move(task->stream);
}

Async<void> Execs::watch(ExecPtr exec) {
    auto exit = co_await core_.parts.tasks.wait_exec(exec->container, exec->id);
    exec->exit_code = exit ? exit->exit_code : 137;
    exec->exited_at = exit ? exit->exited_at : now();
    exec->state = Exec::State::kExited;
    publish(*exec, "exec_die", {{"exitCode", std::to_string(exec->exit_code)}});
    exec->ended.set();
}

Async<Result<>> Execs::start_detached(std::string id, ExecStart options) {
    BERTH_CO_TRY(auto exec, find(id));
    BERTH_CO_CHECK(co_await start(exec, options));
    co_return Result<>();
}

Async<Result<>> Execs::run(std::string id, ExecStart options, async::Stream& client) {
    BERTH_CO_TRY(auto exec, find(id));
    BERTH_CO_TRY(auto stream, co_await start(exec, options));
    bool detached = false;
    if (stream) {
        std::string keys;
        if (exec->request.tty) {
            BERTH_CO_TRY(keys, sys::parse_detach_keys(exec->request.detach_keys));
        }
        bool input = exec->request.input;
        auto copied = co_await copy_streams(core_.parts.io, client, *stream, input, std::move(keys));
        // A client that is gone does not end the process.
        if (!copied) co_return Result<>();
        detached = *copied;
    }
    if (detached) {
        publish(*exec, "exec_detach");
        co_return Result<>();
    }
    // Clients ask for the exit code as soon as the stream ends.
    (void)co_await exec->ended.wait();
    co_return Result<>();
}

Async<Result<>> Execs::resize(std::string id, std::uint16_t rows, std::uint16_t columns) {
    BERTH_CO_TRY(auto exec, find(id));
    BERTH_CO_CHECK(container_of(*exec));
    // A client sends its size as soon as it has asked for the start.
    auto started = exec->started.wait();
    auto in_time =
        co_await async::with_deadline(kStartLimit, "wait for the exec's start", std::move(started));
    if (!in_time) co_return fail(ErrorKind::kDeadlineExceeded, "timeout waiting for exec session ready");
    if (exec->pid == 0) co_return fail(ErrorKind::kInvalidArgument, "exec process is not started");
    if (exec->state != Exec::State::kRunning) {
        co_return fail(ErrorKind::kNotFound,
                       fmt::format("NotFound: process does not exist {}: not found", exec->id));
    }
    co_return co_await core_.parts.tasks.resize_exec(exec->container, exec->id, rows, columns);
}

Result<std::string> Execs::inspect(const std::string& id) {
    BERTH_TRY(auto exec, find(id));
    const ExecRequest& request = exec->request;
    std::string keys;
    if (!request.detach_keys.empty()) {
        BERTH_TRY(keys, sys::parse_detach_keys(request.detach_keys));
    }
    using nlohmann::json;
    json process = {
        {"tty", request.tty},
        {"entrypoint", request.command.front()},
        {"arguments", std::vector<std::string>(request.command.begin() + 1, request.command.end())},
        {"privileged", request.privileged}};
    if (!request.user.empty()) process["user"] = request.user;
    json object = {{"ID", exec->id},
                   {"Running", exec->state == Exec::State::kRunning},
                   {"ExitCode", exec->state == Exec::State::kExited ? json(exec->exit_code) : json()},
                   {"ProcessConfig", std::move(process)},
                   {"OpenStdin", request.input},
                   {"OpenStderr", request.error},
                   {"OpenStdout", request.output},
                   {"CanRemove", false},
                   {"ContainerID", exec->container},
                   {"DetachKeys", to_base64(keys)},
                   {"Pid", exec->pid}};
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> Execs::running_in(const std::string& container) const {
    std::vector<std::string> out;
    for (const auto& [id, exec] : execs_) {
        bool lives = exec->state == Exec::State::kRunning || exec->state == Exec::State::kStarting;
        if (lives && exec->container == container) out.push_back(id);
    }
    return out;
}

}  // namespace

std::unique_ptr<ContainerExecs> make_execs(Core& core) {
    return std::make_unique<Execs>(core);
}

}  // namespace berth::container
