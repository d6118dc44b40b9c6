#include "engine/api/exec_routes.h"

#include <nlohmann/json.hpp>

#include "api-spec/types/exec.h"
#include "engine/api/container_queries.h"
#include "engine/api/framing.h"
#include "engine/api/unframed_stream.h"

namespace berth::api {
namespace {

using container::ContainerExecs;

constexpr ApiVersion kEnvironment{1, 25}, kWorkingDir{1, 35}, kConsoleSize{1, 42};

std::string id_of(const Exchange& exchange) {
    return exchange.params.find("id")->second;
}

Async<Result<>> create(ContainerExecs& execs, Exchange& exchange) {
    BERTH_CO_TRY(auto body, co_await exchange.body());
    BERTH_CO_TRY(auto config, types::parse_exec_config(body));
    if (config.cmd.empty()) co_return fail(ErrorKind::kInvalidArgument, "No exec command specified");
    container::ExecRequest request;
    request.command = std::move(config.cmd);
    if (exchange.version >= kEnvironment) request.env = std::move(config.env);
    if (exchange.version >= kWorkingDir) request.working_dir = std::move(config.working_dir);
    if (exchange.version >= kConsoleSize) request.console_size = std::move(config.console_size);
    request.user = std::move(config.user);
    request.detach_keys = std::move(config.detach_keys);
    request.privileged = config.privileged;
    request.tty = config.tty;
    request.input = config.attach_stdin;
    request.output = config.attach_stdout;
    request.error = config.attach_stderr;
    std::string ref = id_of(exchange);
    BERTH_CO_TRY(std::string id, co_await execs.create(ref, std::move(request)));
    nlohmann::json answer = {{"Id", std::move(id)}};
    co_return co_await exchange.json(201, std::move(answer));
}

// A terminal's output has no frames and all other has; what the client gets is what it said of a terminal at
// the start, which need not be what was said at the create.
std::unique_ptr<async::Stream> as_the_client_reads(async::Stream& client, bool terminal, bool raw) {
    if (terminal == raw) return make_borrowed_stream(client);
    return terminal ? make_framed_stream(client) : make_unframed_stream(client);
}

// Once the connection is a stream, what goes wrong is said on it: clients show it beside what the process
// wrote.
Async<Result<>> converse(ContainerExecs& execs, Exchange& exchange, container::ExecStart start, bool terminal,
                         bool raw) {
    BERTH_CO_TRY(auto client, co_await exchange.upgrade(!raw, true));
    auto stream = as_the_client_reads(*client, terminal, raw);
    std::string id = id_of(exchange);
    auto done = co_await execs.run(id, std::move(start), *stream);
    if (done) co_return Result<>();
    std::string text = done.error().message + "\r\n";
    if (!raw) text = frame(OutputStream::kStdout, text);
    co_return co_await client->write_all(text);
}

Async<Result<>> start(ContainerExecs& execs, Exchange& exchange) {
    BERTH_CO_TRY(auto body, co_await exchange.body_or_empty());
    BERTH_CO_TRY(auto config, types::parse_exec_start_config(body));
    std::string id = id_of(exchange);
    BERTH_CO_TRY(const bool terminal, execs.startable(id));
    container::ExecStart start;
    start.detach = config.detach;
    if (config.tty && exchange.version >= kConsoleSize) start.console_size = std::move(config.console_size);
    if (!config.detach) co_return co_await converse(execs, exchange, std::move(start), terminal, config.tty);
    BERTH_CO_CHECK(co_await execs.start_detached(id, std::move(start)));
    co_return co_await exchange.empty(200);
}

Async<Result<>> resize(ContainerExecs& execs, Exchange& exchange) {
    BERTH_CO_TRY(auto size, terminal_size(exchange.request.query));
    std::string id = id_of(exchange);
    BERTH_CO_CHECK(co_await execs.resize(id, size.rows, size.columns));
    co_return co_await exchange.empty(200);
}

Async<Result<>> inspect(ContainerExecs& execs, Exchange& exchange) {
    BERTH_CO_TRY(std::string text, execs.inspect(id_of(exchange)));
    co_return co_await exchange.json_text(200, std::move(text));
}

}  // namespace

void add_exec_routes(Router& router, ContainerExecs& execs) {
    using Route = Async<Result<>> (*)(ContainerExecs&, Exchange&);
    auto add = [&](const char* method, const char* pattern, Route route) {
        router.add(method, pattern, [&execs, route](Exchange& exchange) { return route(execs, exchange); });
    };
    add("POST", "/containers/{id}/exec", create);
    add("POST", "/exec/{id}/start", start);
    add("POST", "/exec/{id}/resize", resize);
    add("GET", "/exec/{id}/json", inspect);
}

}  // namespace berth::api
