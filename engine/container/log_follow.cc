#include "engine/container/log_follow.h"

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "engine/async/event.h"
#include "engine/async/race.h"
#include "engine/async/token.h"
#include "engine/base/log.h"
#include "engine/logs/log_reader.h"
#include "engine/logs/rendering.h"

namespace berth::container {

namespace {

logs::ReadOptions read_options(const LogRequest& request, bool live) {
    logs::ReadOptions options;
    options.with_stdout = request.output;
    options.with_stderr = request.error;
    if (request.tail >= 0) options.tail = static_cast<std::uint64_t>(request.tail);
    options.since = request.since;
    options.until = request.until;
    options.follow = request.follow && live;
    return options;
}

// A step of the reader, which goes on while the client is sent what the step before it gave.
struct Reading {
    Reading(IoContext& io, std::unique_ptr<logs::LogReader> source)
        : reader(std::move(source)), done(std::make_unique<async::Event>(io)) {}
    std::unique_ptr<logs::LogReader> reader;
    std::string bytes, sending;
    Result<logs::Progress> progress;
    std::unique_ptr<async::Event> done;
};

Async<void> read_step(Core& core, std::shared_ptr<Reading> reading, logs::Rendering how) {
    auto work = [&bytes = reading->bytes, &reader = *reading->reader, how] {
        return reader.read([&](const logs::Record& record) { logs::append_rendered(bytes, record, how); });
    };
    reading->progress = co_await core.parts.pool.run(std::move(work));
    reading->done->set();
}

void begin_step(Core& core, const std::shared_ptr<Reading>& reading, logs::Rendering how) {
    reading->bytes.clear();
    reading->done = std::make_unique<async::Event>(core.parts.io);
    if (core.gate.spawn(read_step(core, reading, how))) return;
    reading->progress = fail(ErrorKind::kUnavailable, "the engine is shutting down");
    reading->done->set();
}

Async<Result<>> wait_readable(boost::asio::posix::stream_descriptor& descriptor) {
    auto [error] =
        co_await descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read, async::kToken);
    if (error) co_return async::failure("log", error);
    co_return Result<>();
}

}  // namespace

Result<ContainerPtr> readable_log(Core& core, const std::string& ref) {
    BERTH_TRY(auto container, core.store.find(ref));
    const auto& log = container->host.log_config;
    if (logs::readable_as(log.type, log.config) == "none")
        return fail(ErrorKind::kNotImplemented, "configured logging driver does not support reading");
    return container;
}

Async<Result<>> run_logs(Core& core, std::string id, LogRequest request, LogSink& sink) {
    auto container = core.store.get(id);
    if (!container) co_return fail(ErrorKind::kNotFound, "No such container: " + id);
    bool live = container->state.live();
    // Taken before the log is opened: an exit in between must end the following.
    auto waiting = core.waits.subscribe(id, WaitCondition::kNextExit);
    const auto& log = container->host.log_config;
    std::string driver = logs::readable_as(log.type, log.config), path = core.log_path(*container);
    auto options = read_options(request, live);
    auto open = [driver, path, options] { return logs::open_log_reader(driver, path, options); };
    BERTH_CO_TRY(auto reader, co_await core.parts.pool.run(std::move(open)));
    boost::asio::posix::stream_descriptor notify(core.parts.io);
    if (options.follow) {
        int copy = ::fcntl(reader->notify_fd(), F_DUPFD_CLOEXEC, 0);
        if (copy < 0) co_return fail_errno("fcntl");
        notify.assign(copy);
    }
    const logs::Rendering how{!container->config.tty, request.timestamps, request.details};
    auto reading = std::make_shared<Reading>(core.parts.io, std::move(reader));
    begin_step(core, reading, how);
    for (;;) {
        BERTH_CO_CHECK(co_await reading->done->wait());
        BERTH_CO_TRY(const auto progress, reading->progress);
        std::swap(reading->bytes, reading->sending);
        if (progress == logs::Progress::kMore) begin_step(core, reading, how);
        if (!reading->sending.empty()) BERTH_CO_CHECK(co_await sink.write(reading->sending));
        if (progress == logs::Progress::kEnd) break;
        if (progress == logs::Progress::kMore) continue;
        // Many may wait for long.
        std::string().swap(reading->sending);
        std::string().swap(reading->bytes);
        auto readable = wait_readable(notify);
        auto exit = waiting->result();
        auto first = co_await async::race(std::move(readable), std::move(exit));
        if (first.index() == 1) {
            if (!std::get<1>(first)) co_return Failure(std::get<1>(first).error());
            reading->reader->finish();
        } else if (!std::get<0>(first)) {
            co_return Failure(std::get<0>(first).error());
        }
        begin_step(core, reading, how);
    }
    if (auto damaged = reading->reader->damaged(); damaged > 0) {
        log::warning("damaged records of a log were passed over", {{"container", id}, {"records", damaged}});
    }
    co_return Result<>();
}

}  // namespace berth::container
