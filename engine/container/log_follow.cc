#include "engine/container/log_follow.h"

#include <fcntl.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cctype>

#include "engine/async/race.h"
#include "engine/async/token.h"
#include "engine/base/log.h"
#include "engine/logs/log_reader.h"

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

// As an URL's query has it.
void append_query(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            out += {'%', kHex[byte >> 4], kHex[byte & 15]};
        }
    }
}

// "a=1,b=2 ", sorted.
std::string details(const logs::Record& record) {
    auto attributes = record.attributes;
    std::sort(attributes.begin(), attributes.end());
    std::string out;
    for (const auto& [name, value] : attributes) {
        if (!out.empty()) out += ',';
        append_query(out, name);
        out += '=';
        append_query(out, value);
    }
    return out + " ";
}

std::string render(const std::vector<logs::Record>& records, bool framed, const LogRequest& request) {
    std::string out;
    std::size_t size = 0;
    for (const auto& record : records) size += record.text.size() + (framed ? 8 : 0);
    out.reserve(size);
    for (const auto& record : records) {
        std::string stamp = request.timestamps ? format_rfc3339_fixed(record.time) + " " : "";
        if (request.details) stamp += details(record);
        if (framed) {
            std::size_t size = stamp.size() + record.text.size();
            const char head[8] = {static_cast<char>(record.stream),
                                  0,
                                  0,
                                  0,
                                  static_cast<char>(size >> 24),
                                  static_cast<char>(size >> 16),
                                  static_cast<char>(size >> 8),
                                  static_cast<char>(size)};
            out.append(head, sizeof head);
        }
        out += stamp;
        out += record.text;
    }
    return out;
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
    bool framed = !container->config.tty;
    for (;;) {
        std::string bytes;
        auto step = [&]() -> Result<logs::Progress> {
            std::vector<logs::Record> records;
            BERTH_TRY(const auto progress, reader->read(records));
            bytes = render(records, framed, request);
            return progress;
        };
        BERTH_CO_TRY(auto progress, co_await core.parts.pool.run(std::move(step)));
        if (!bytes.empty()) BERTH_CO_CHECK(co_await sink.write(std::move(bytes)));
        if (progress == logs::Progress::kEnd) break;
        if (progress != logs::Progress::kWaiting) continue;
        auto readable = wait_readable(notify);
        auto exit = waiting->result();
        auto first = co_await async::race(std::move(readable), std::move(exit));
        if (first.index() == 1) {
            if (!std::get<1>(first)) co_return Failure(std::get<1>(first).error());
            reader->finish();
        } else if (!std::get<0>(first)) {
            co_return Failure(std::get<0>(first).error());
        }
    }
    if (reader->damaged() > 0) {
        log::warning("damaged records of a log were passed over",
                     {{"container", id}, {"records", reader->damaged()}});
    }
    co_return Result<>();
}

}  // namespace berth::container
