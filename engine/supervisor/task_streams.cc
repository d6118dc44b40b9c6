// What ShimTasks does with streams: attaching to a task, and execs in it.
#include <sys/socket.h>

#include <algorithm>

#include "engine/async/socket_stream.h"
#include "engine/shim/protocol/socket.h"
#include "engine/shim/protocol/wire.h"
#include "engine/supervisor/shim_tasks.h"

namespace berth::supervisor {

namespace {

using shim::MessageType;

// How far a client may be behind before the container has to wait for it.
constexpr int kAttachBuffer = 1 << 20;

// The shim's end of an attach stream. Without CAP_NET_ADMIN the kernel's own limit stays.
void enlarge(int socket) {
    (void)::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &kAttachBuffer, sizeof(int));
}

std::uint8_t stream_bits(bool input, bool output, bool error) {
    return static_cast<std::uint8_t>((input ? shim::kAttachStdin : 0) | (output ? shim::kAttachStdout : 0) |
                                     (error ? shim::kAttachStderr : 0));
}

}  // namespace

Async<Result<TaskService::AfterLog>> ShimTasks::attach_streams(std::string id, std::uint8_t streams) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client || entry->task.exit) co_return fail(ErrorKind::kConflict, "the task has exited");
    BERTH_CO_TRY(shim::SocketPair pair, shim::make_socket_pair());
    enlarge(pair.theirs.get());
    shim::WireWriter payload;
    payload.u8(streams);
    std::string bytes = payload.take();
    BERTH_CO_TRY(std::string answer,
                 co_await ask(entry, MessageType::kAttach, std::move(bytes), std::move(pair.theirs)));
    AfterLog attached;
    attached.stream = async::make_socket_stream(io_, std::move(pair.ours));
    shim::WireReader in(answer);
    attached.log_end = Timestamp(std::chrono::nanoseconds(in.i64()));
    // A shim of an older engine does not say when.
    if (!in.ok()) attached.log_end = now();
    co_return attached;
}

Async<Result<std::unique_ptr<async::Stream>>> ShimTasks::attach(std::string id, AttachOptions options) {
    std::uint8_t streams = stream_bits(options.input, options.output, options.error);
    BERTH_CO_TRY(AfterLog attached, co_await attach_streams(id, streams));
    co_return std::move(attached.stream);
}

Async<Result<TaskService::AfterLog>> ShimTasks::attach_after_log(std::string id, AttachOptions options) {
    auto streams = static_cast<std::uint8_t>(stream_bits(options.input, options.output, options.error) |
                                             shim::kAttachAfterLog);
    co_return co_await attach_streams(id, streams);
}

Async<Result<ExecStarted>> ShimTasks::exec(std::string id, ExecSpec spec) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client || entry->task.exit) co_return fail(ErrorKind::kConflict, "the task has exited");
    ExecStarted started;
    UniqueFd theirs;
    std::uint8_t streams = stream_bits(spec.input, spec.output, spec.error);
    if (streams != 0) {
        BERTH_CO_TRY(shim::SocketPair pair, shim::make_socket_pair());
        enlarge(pair.theirs.get());
        theirs = std::move(pair.theirs);
        started.stream = async::make_socket_stream(io_, std::move(pair.ours));
    }
    // Before the question: a short process may have ended before its answer is here.
    entry->execs[spec.exec_id] = std::make_shared<ExecEntry>(io_);
    std::string bytes = shim::encode_exec(
        {spec.exec_id, std::move(spec.process_json), spec.terminal, streams, spec.rows, spec.columns});
    auto answer = co_await ask(entry, MessageType::kExec, std::move(bytes), std::move(theirs));
    if (!answer) {
        entry->execs.erase(spec.exec_id);
        co_return Failure(std::move(answer.error()));
    }
    started.pid = static_cast<pid_t>(shim::WireReader(*answer).u32());
    if (auto found = entry->execs.find(spec.exec_id); found != entry->execs.end())
        found->second->pid = started.pid;
    co_return started;
}

Async<Result<ExecExit>> ShimTasks::wait_exec(std::string id, std::string exec_id) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    auto found = entry->execs.find(exec_id);
    if (found == entry->execs.end()) co_return fail(ErrorKind::kNotFound, "no such exec: " + exec_id);
    auto exec = found->second;
    BERTH_CO_CHECK(co_await exec->exited.wait());
    entry->execs.erase(exec_id);
    co_return exec->exit;
}

Async<Result<>> ShimTasks::resize_exec(std::string id, std::string exec_id, std::uint16_t rows,
                                       std::uint16_t columns) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client) co_return fail(ErrorKind::kConflict, "the task has exited");
    shim::WireWriter payload;
    payload.text(exec_id);
    payload.u16(rows);
    payload.u16(columns);
    std::string bytes = payload.take();
    BERTH_CO_CHECK(co_await ask(entry, MessageType::kExecResize, std::move(bytes), UniqueFd()));
    co_return Result<>();
}

Async<Result<>> ShimTasks::kill_exec(std::string id, std::string exec_id, int signal) {
    BERTH_CO_TRY(EntryPtr entry, get(id));
    if (!entry->client) co_return fail(ErrorKind::kConflict, "the task has exited");
    shim::WireWriter payload;
    payload.text(exec_id);
    payload.u32(static_cast<std::uint32_t>(signal));
    std::string bytes = payload.take();
    BERTH_CO_CHECK(co_await ask(entry, MessageType::kExecKill, std::move(bytes), UniqueFd()));
    co_return Result<>();
}

void ShimTasks::set_exec_exit(Entry& entry, const shim::ExecExit& exit) {
    shim::WireWriter payload;
    payload.text(exit.id);
    if (entry.client) entry.client->tell(MessageType::kExecTold, payload.take());
    auto found = entry.execs.find(exit.id);
    if (found == entry.execs.end() || found->second->exited.is_set()) return;
    found->second->exit = {exit.code, Timestamp(std::chrono::nanoseconds(exit.exited_at))};
    found->second->exited.set();
}

// Of execs whose end nobody will tell, since the shim does not know them any more.
void ShimTasks::end_execs(Entry& entry, const std::vector<std::string>& ids,
                          const std::vector<std::string>& alive) {
    for (const auto& id : ids) {
        auto found = entry.execs.find(id);
        if (found == entry.execs.end() || found->second->exited.is_set()) continue;
        if (std::find(alive.begin(), alive.end(), id) != alive.end()) continue;
        found->second->exit = {137, now()};
        found->second->exited.set();
    }
}

}  // namespace berth::supervisor
