#include "engine/api/file_routes.h"

#include <nlohmann/json.hpp>

#include "engine/api/body_pipe.h"
#include "engine/api/common_headers.h"
#include "engine/api/image_queries.h"
#include "engine/async/race.h"
#include "engine/base/base64.h"
#include "engine/base/time.h"

namespace berth::api {

namespace {

using container::ContainerFiles;
using container::FileStream;

struct Parts {
    ContainerFiles& files;
    IoContext& io;
};

std::string ref_of(const Exchange& exchange) {
    return exchange.params.find("id")->second;
}

Result<std::string> path_of(const Exchange& exchange) {
    std::string path = exchange.request.query.get("path");
    if (path.empty()) return fail(ErrorKind::kInvalidArgument, "bad parameter: pathcannot be empty");
    if (path.find('\0') != path.npos) return fail(ErrorKind::kInvalidArgument, "invalid path: NUL byte");
    return path;
}

// X-Docker-Container-Path-Stat: base64 of JSON.
void add_stat(const container::PathStat& stat, http::Headers& headers) {
    nlohmann::ordered_json text = {{"name", stat.name},
                                   {"size", stat.size},
                                   {"mode", stat.mode},
                                   {"mtime", format_rfc3339_nano(stat.mtime)},
                                   {"linkTarget", stat.link_target}};
    headers.add("X-Docker-Container-Path-Stat",
                to_base64(text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
}

Async<Result<>> stat(Parts parts, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(std::string path, path_of(exchange));
    BERTH_CO_TRY(auto stat, co_await parts.files.stat(ref, path));
    auto headers = common_headers("");
    add_stat(stat, headers);
    co_return co_await exchange.responder.send(200, std::move(headers), "");
}

Async<Result<>> send_all(Exchange& exchange, FileStream& tar) {
    if (UniqueFd socket = exchange.responder.chunk_socket()) {
        BERTH_CO_CHECK(co_await tar.send_to(std::move(socket)));
        co_return co_await exchange.responder.end();
    }
    for (;;) {
        BERTH_CO_TRY(std::string bytes, co_await tar.next());
        if (bytes.empty()) co_return co_await exchange.responder.end();
        BERTH_CO_CHECK(co_await exchange.responder.write(bytes));
    }
}

// An error on the way breaks the answer off: its reader must not take it for whole.
Async<Result<>> send_tar(Exchange& exchange, http::Headers headers, std::unique_ptr<FileStream> tar) {
    BERTH_CO_CHECK(co_await exchange.responder.begin(200, std::move(headers)));
    auto sending = send_all(exchange, *tar);
    auto gone = exchange.responder.client_gone();
    auto first = co_await async::race(std::move(sending), std::move(gone));
    if (first.index() == 1) co_return Result<>();
    co_return std::move(std::get<0>(first));
}

Async<Result<>> archive(Parts parts, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(std::string path, path_of(exchange));
    BERTH_CO_TRY(auto found, co_await parts.files.archive(ref, path));
    auto headers = common_headers("application/x-tar");
    add_stat(found.stat, headers);
    co_return co_await send_tar(exchange, std::move(headers), std::move(found.tar));
}

Async<Result<>> extract(Parts parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    std::string ref = ref_of(exchange);
    container::ExtractRequest request;
    BERTH_CO_TRY(request.path, path_of(exchange));
    request.keep_kinds = query.flag("noOverwriteDirNonDir");
    request.container_owner = query.flag("copyUIDGID");
    if (auto raw = exchange.request.body->take_raw()) {
        container::TarInput tar{std::move(raw->socket), {{std::move(raw->early), raw->length}}};
        BERTH_CO_TRY(bool whole, co_await parts.files.extract(ref, request, std::move(tar)));
        if (whole) exchange.request.body->raw_finished();
        co_return co_await exchange.empty(200);
    }
    BERTH_CO_TRY(auto pipe, BodyPipe::open(parts.io));
    container::TarInput tar;
    BERTH_CO_TRY(tar.fd, pipe->descriptor());
    auto working = parts.files.extract(ref, request, std::move(tar));
    auto pumping = pipe->pump(*exchange.request.body);
    auto first = co_await async::race(std::move(working), std::move(pumping));
    // The pump leaves first only when all of this is being cancelled.
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the client has gone");
    BERTH_CO_CHECK(std::move(std::get<0>(first)));
    co_return co_await exchange.empty(200);
}

Async<Result<>> export_root(Parts parts, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto tar, co_await parts.files.export_root(ref));
    auto headers = common_headers("application/octet-stream");
    co_return co_await send_tar(exchange, std::move(headers), std::move(tar));
}

Async<Result<>> changes(Parts parts, Exchange& exchange) {
    std::string ref = ref_of(exchange);
    BERTH_CO_TRY(auto text, co_await parts.files.changes(ref));
    co_return co_await exchange.json_text(200, std::move(text));
}

Async<Result<>> commit(Parts parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    std::string ref = query.get("container");
    container::CommitOptions options;
    BERTH_CO_TRY(options.name, import_name(query));
    options.comment = query.get("comment");
    options.author = query.get("author");
    options.pause = query.flag("pause", true);
    options.changes = query.all("changes");
    BERTH_CO_TRY(auto body, co_await exchange.body_or_empty());
    if (!body.empty()) {
        BERTH_CO_TRY(options.config, types::parse_container_config(body, ""));
    }
    BERTH_CO_TRY(std::string id, co_await parts.files.commit(ref, std::move(options)));
    nlohmann::json answer = {{"Id", id}};
    co_return co_await exchange.json(201, std::move(answer));
}

}  // namespace

void add_file_routes(Router& router, ContainerFiles& files, IoContext& io) {
    using Route = Async<Result<>> (*)(Parts, Exchange&);
    Parts parts{files, io};
    auto add = [&](const char* method, const char* pattern, Route route) {
        router.add(method, pattern, [parts, route](Exchange& exchange) { return route(parts, exchange); });
    };
    add("HEAD", "/containers/{id}/archive", stat);
    add("GET", "/containers/{id}/archive", archive);
    add("PUT", "/containers/{id}/archive", extract);
    add("GET", "/containers/{id}/export", export_root);
    add("GET", "/containers/{id}/changes", changes);
    add("POST", "/commit", commit);
}

}  // namespace berth::api
