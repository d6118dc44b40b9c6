#include "engine/supervisor/shim_tasks.h"

#include <signal.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/async/token.h"
#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/socket.h"
#include "engine/shim/protocol/wire.h"
#include "engine/sys/pidfd.h"

namespace berth::supervisor {

namespace {

using shim::MessageType;

constexpr char kCreatePhrase[] = "failed to create task for container: failed to create shim task";
constexpr char kShimLost[] = "the container's shim died; the container was killed";
constexpr auto kReapLimit = std::chrono::seconds(60);
constexpr auto kGreetLimit = std::chrono::seconds(5);

TaskExit to_exit(shim::ExitRecord record) {
    return {record.code, record.oom_killed, Timestamp(std::chrono::nanoseconds(record.exited_at)),
            std::move(record.error)};
}

Async<Result<>> wait_child(IoContext& io, sys::ChildProcess child) {
    boost::asio::posix::stream_descriptor ended(io, child.pidfd.get());
    auto [error] = co_await ended.async_wait(boost::asio::posix::stream_descriptor::wait_read, async::kToken);
    ended.release();
    if (error) co_return async::failure("wait for child", error);
    if (auto status = sys::wait_child(child.pidfd.get()); !status)
        co_return Failure(std::move(status.error()));
    co_return Result<>();
}

}  // namespace

ShimTasks::ShimTasks(IoContext& io, SupervisorConfig config)
    : io_(io), bundles_(std::move(config)), gate_(std::make_unique<async::Gate>(io)) {}

// The event loop has stopped: what is still suspended goes with it. The containers live on.
ShimTasks::~ShimTasks() = default;

Result<ShimTasks::EntryPtr> ShimTasks::get(const std::string& id) const {
    auto found = tasks_.find(id);
    if (found == tasks_.end()) return fail(ErrorKind::kNotFound, "no such task: " + id);
    return found->second;
}

void ShimTasks::set_exit(const EntryPtr& entry, shim::ExitRecord record) {
    if (entry->task.exit) return;
    entry->task.exit = to_exit(std::move(record));
    entry->task.status = Task::Status::kExited;
    entry->exited.set();
}

void ShimTasks::set_health(Entry& entry, shim::Health health) {
    Health out;
    if (health.status == shim::HealthStatus::kHealthy) out.status = Health::Status::kHealthy;
    if (health.status == shim::HealthStatus::kUnhealthy) out.status = Health::Status::kUnhealthy;
    out.failing_streak = static_cast<int>(health.failing_streak);
    for (auto& probe : health.log) {
        out.log.push_back({Timestamp(std::chrono::nanoseconds(probe.started_at)),
                           Timestamp(std::chrono::nanoseconds(probe.ended_at)), probe.exit_code,
                           std::move(probe.output)});
    }
    entry.task.health = std::move(out);
}

std::unique_ptr<ShimClient> ShimTasks::make_client(const EntryPtr& entry, UniqueFd socket) {
    ShimClient::Events events;
    std::weak_ptr<Entry> weak = entry;
    events.exited = [this, weak](shim::ExitRecord record) {
        if (auto alive = weak.lock()) set_exit(alive, std::move(record));
    };
    events.exec_exited = [weak](const shim::ExecExit& exit) {
        if (auto alive = weak.lock()) set_exec_exit(*alive, exit);
    };
    events.health = [this, weak](shim::Health health) {
        auto alive = weak.lock();
        if (!alive) return;
        set_health(*alive, std::move(health));
        if (health_listener_) health_listener_(alive->task.id, *alive->task.health);
    };
    events.notice = [id = entry->task.id](std::string text) { log::warning(text, {{"container", id}}); };
    return std::make_unique<ShimClient>(io_, std::move(socket), std::move(events));
}

void ShimTasks::connect(EntryPtr entry, UniqueFd socket) {
    entry->client = make_client(entry, std::move(socket));
    gate_->spawn(serve(std::move(entry)));
}

bool ShimTasks::reconnect(const EntryPtr& entry) {
    auto socket = shim::connect_in(bundles_.path(entry->task.id), shim::kSocketFile);
    if (!socket || !shim::check_peer(socket->get())) return false;
    log::warning("the connection to a container's shim was lost and is made again",
                 {{"container", entry->task.id}});
    entry->lost.push_back(std::move(entry->client));
    entry->client = make_client(entry, std::move(*socket));
    return true;
}

// What the shim says of itself on a new connection; one that says nothing in time is given up.
Async<void> ShimTasks::catch_up(EntryPtr entry) {
    ShimClient& client = *entry->client;
    // What is asked for from here on is not in the answer.
    std::vector<std::string> known;
    for (const auto& [id, exec] : entry->execs) known.push_back(id);
    auto greeting = client.greet();
    auto status = co_await async::with_deadline(kGreetLimit, "greet shim", std::move(greeting));
    if (!status) {
        entry->stuck = true;
        client.close();
        co_return;
    }
    auto alive = std::move(status->execs);
    take_status(entry, std::move(*status));
    end_execs(*entry, known, alive);
}

void ShimTasks::take_status(const EntryPtr& entry, shim::Status status) {
    Task& task = entry->task;
    using shim::TaskState;
    task.status = status.state == TaskState::kRunning  ? Task::Status::kRunning
                  : status.state == TaskState::kPaused ? Task::Status::kPaused
                  : status.state == TaskState::kExited ? Task::Status::kExited
                                                       : Task::Status::kCreated;
    task.pid = status.pid;
    task.started_at = Timestamp(std::chrono::nanoseconds(status.started_at));
    if (status.health) set_health(*entry, std::move(*status.health));
    for (const auto& exit : status.ended_execs) set_exec_exit(*entry, exit);
    if (status.exit) set_exit(entry, std::move(*status.exit));
}

Async<Result<std::string>> ShimTasks::ask(EntryPtr entry, shim::MessageType type, std::string payload,
                                          UniqueFd fd) {
    constexpr auto kPause = std::chrono::milliseconds(20);
    // Longer than a reconnection takes, and no longer than a shim has for its greeting.
    for (auto waited = kPause; entry->client->lost() && waited < kGreetLimit; waited += kPause) {
        if (entry->task.exit || entry->removing || entry->shim_gone.is_set()) break;
        BERTH_CO_CHECK(co_await async::sleep_for(kPause));
    }
    co_return co_await entry->client->ask(type, std::move(payload), std::move(fd));
}

Async<void> ShimTasks::serve(EntryPtr entry) {
    constexpr auto kPause = std::chrono::milliseconds(100);
    for (bool first = true;; first = false) {
        co_await entry->client->serve();
        if (entry->task.exit || entry->removing || entry->stuck) break;
        if (!first) {
            auto rested = co_await async::sleep_for(kPause);
            if (!rested) break;
        }
        if (!reconnect(entry)) break;
        gate_->spawn(catch_up(entry));
    }
    std::vector<std::string> execs;
    for (const auto& [id, exec] : entry->execs) execs.push_back(id);
    end_execs(*entry, execs, {});
    if (!entry->task.exit && !entry->removing) co_await end_without_shim(entry);
    entry->shim_gone.set();
}

Async<void> ShimTasks::end_without_shim(EntryPtr entry) {
    std::string id = entry->task.id;
    auto record = shim::read_exit_record(bundles_.path(id));
    if (!record) log::warning(kShimLost, {{"container", id}});
    if (!record || bundles_.runtime_knows(id)) {
        auto reaped = co_await reap(id);
        if (!reaped)
            log::error("clear away a lost container: " + reaped.error().message, {{"container", id}});
    }
    if (!record) record = shim::read_exit_record(bundles_.path(id));
    if (!record) record = shim::ExitRecord{137, false, now().time_since_epoch().count(), kShimLost};
    set_exit(entry, std::move(*record));
}

Async<Result<>> ShimTasks::reap(std::string id) {
    BERTH_CO_TRY(auto reaper, bundles_.start_reaper(id, kShimLost));
    auto ended = wait_child(io_, std::move(reaper));
    co_return co_await async::with_deadline(kReapLimit, "reap", std::move(ended));
}

Async<Result<std::string>> ShimTasks::ask_create(Entry& entry, std::vector<UniqueFd> mounts, UniqueFd root) {
    for (auto& mount : mounts) {
        auto handed = co_await entry.client->ask(MessageType::kMount, std::string(), std::move(mount));
        if (!handed) co_return handed;
    }
    shim::WireWriter payload;
    payload.u8(root ? 1 : 0);
    std::string bytes = payload.take();
    co_return co_await entry.client->ask(MessageType::kCreate, std::move(bytes), std::move(root));
}

void ShimTasks::expect(const std::string& id, bool own_runtime) {
    auto socket = bundles_.start_shim(id, own_runtime);
    // create() will say why it cannot be started.
    if (socket) expected_[id] = std::move(*socket);
}

Result<UniqueFd> ShimTasks::take_shim(const TaskSpec& spec) {
    auto waiting = expected_.extract(spec.id);
    if (!waiting.empty()) return std::move(waiting.mapped());
    return bundles_.start_shim(spec.id, spec.runtime.empty());
}

Async<Result<pid_t>> ShimTasks::create(TaskSpec spec) {
    if (tasks_.contains(spec.id)) co_return fail(ErrorKind::kConflict, "task " + spec.id + " exists already");
    BERTH_CO_CHECK(in(kCreatePhrase, bundles_.write(spec)));
    auto entry = std::make_shared<Entry>(io_, spec.id);
    auto socket = take_shim(spec);
    if (!socket) {
        (void)bundles_.remove(spec.id).has_value();
        co_return Failure(std::move(socket.error()).in(kCreatePhrase));
    }
    tasks_[spec.id] = entry;
    // Until the answer is here, the end of the shim is create's to report.
    entry->removing = true;
    connect(entry, std::move(*socket));
    auto answer = co_await ask_create(*entry, std::move(spec.mounts), std::move(spec.root));
    if (!answer) {
        (void)co_await entry->shim_gone.wait();
        tasks_.erase(spec.id);
        if (answer.error().kind == ErrorKind::kUnavailable) {
            // It died on the way: the container may be half made.
            co_await end_without_shim(entry);
        }
        if (auto removed = bundles_.remove(spec.id); !removed) log::warning(removed.error().message);
        co_return Failure(std::move(answer.error()).in(kCreatePhrase));
    }
    entry->removing = false;
    entry->task.pid = static_cast<pid_t>(shim::WireReader(*answer).u32());
    co_return entry->task.pid;
}

Async<Result<Timestamp>> ShimTasks::start(std::string id) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client) co_return fail(ErrorKind::kConflict, "the task has exited");
    BERTH_CO_TRY(std::string answer, co_await ask(entry, MessageType::kStart, std::string(), UniqueFd()));
    entry->task.started_at = Timestamp(std::chrono::nanoseconds(shim::WireReader(answer).i64()));
    if (!entry->task.exit) entry->task.status = Task::Status::kRunning;
    co_return entry->task.started_at;
}

Async<Result<>> ShimTasks::kill(std::string id, int signal) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (entry->task.exit) co_return fail(ErrorKind::kConflict, "process already finished");
    shim::WireWriter payload;
    payload.u32(static_cast<std::uint32_t>(signal));
    std::string bytes = payload.take();
    auto answer = co_await ask(entry, MessageType::kKill, bytes, UniqueFd());
    // It may have been lost on the way, and does no harm twice.
    bool lost = !answer && answer.error().kind == ErrorKind::kUnavailable && signal == SIGKILL;
    if (lost && !entry->task.exit) answer = co_await ask(entry, MessageType::kKill, bytes, UniqueFd());
    if (!answer) co_return Failure(std::move(answer.error()));
    co_return Result<>();
}

Async<Result<TaskExit>> ShimTasks::wait(std::string id) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    BERTH_CO_CHECK(co_await entry->exited.wait());
    co_return *entry->task.exit;
}

Async<Result<>> ShimTasks::pause(std::string id) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client || entry->task.exit) co_return fail(ErrorKind::kConflict, "the task has exited");
    BERTH_CO_CHECK(co_await ask(entry, MessageType::kPause, std::string(), UniqueFd()));
    entry->task.status = Task::Status::kPaused;
    co_return Result<>();
}

Async<Result<>> ShimTasks::resume(std::string id) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client || entry->task.exit) co_return fail(ErrorKind::kConflict, "the task has exited");
    BERTH_CO_CHECK(co_await ask(entry, MessageType::kResume, std::string(), UniqueFd()));
    if (!entry->task.exit) entry->task.status = Task::Status::kRunning;
    co_return Result<>();
}

Async<Result<>> ShimTasks::resize(std::string id, std::uint16_t rows, std::uint16_t columns) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client || entry->task.exit) co_return fail(ErrorKind::kConflict, "the task has exited");
    shim::WireWriter payload;
    payload.u16(rows);
    payload.u16(columns);
    std::string bytes = payload.take();
    BERTH_CO_CHECK(co_await ask(entry, MessageType::kResize, std::move(bytes), UniqueFd()));
    co_return Result<>();
}

Async<Result<>> ShimTasks::remove(std::string id) {
    expected_.erase(id);
    auto found = tasks_.find(id);
    if (found == tasks_.end()) co_return Result<>();
    EntryPtr entry = found->second;
    if (entry->task.status == Task::Status::kRunning || entry->task.status == Task::Status::kPaused)
        co_return fail(ErrorKind::kConflict, "the task is running");
    if (entry->client) {
        entry->removing = true;
        auto answer = co_await entry->client->ask(MessageType::kDelete, std::string(), UniqueFd());
        bool gone = !answer && answer.error().kind == ErrorKind::kUnavailable;
        if (!answer && !gone) co_return Failure(std::move(answer.error()));
        // A removal does not wait for clients that have output left to read.
        bool lingers = answer && shim::WireReader(*answer).u8() != 0;
        if (!lingers) BERTH_CO_CHECK(co_await entry->shim_gone.wait());
        if (gone && !entry->task.exit) co_await end_without_shim(entry);
    }
    tasks_.erase(id);
    co_return bundles_.remove(id);
}

Result<std::string> ShimTasks::config_json(const std::string& id) const {
    return read_file(bundles_.path(id) + "/" + shim::kConfigFile);
}

std::optional<Task> ShimTasks::find(const std::string& id) const {
    auto found = tasks_.find(id);
    if (found == tasks_.end()) return {};
    return found->second->task;
}

std::unique_ptr<TaskService> make_task_service(IoContext& io, SupervisorConfig config) {
    return std::make_unique<ShimTasks>(io, std::move(config));
}

}  // namespace berth::supervisor
