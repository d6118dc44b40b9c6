#include "engine/api/image_routes.h"

#include <nlohmann/json.hpp>

#include "engine/api/body_pipe.h"
#include "engine/api/image_queries.h"
#include "engine/api/progress_stream.h"
#include "engine/async/race.h"

namespace berth::api {

namespace {

using nlohmann::json;
using Parts = const ImageRouteParts;
using BlockingWork = std::function<Result<>(image::Reader)>;

std::string name_of(const Exchange& exchange) {
    return exchange.params.find("name")->second;
}

// Runs blocking work that reads the request's body while the io thread brings it.
Async<Result<>> read_body(Parts& parts, Exchange& exchange, BlockingWork work) {
    BERTH_CO_TRY(auto pipe, BodyPipe::open(parts.io));
    auto step = [&work, &pipe] { return work(pipe->reader()); };
    auto working = parts.transfers.run(step);
    auto pumping = pipe->pump(*exchange.request.body);
    auto first = co_await async::race(std::move(working), std::move(pumping));
    // The pump leaves first only when all of this is being cancelled.
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the client has gone");
    co_return std::move(std::get<0>(first));
}

Async<Result<>> load(Parts& parts, Exchange& exchange) {
    BERTH_CO_CHECK(refuse_parameters(exchange.request.query, {"platform"}));
    ProgressStream stream(parts.io, exchange);
    BlockingWork work = [&images = parts.images, sink = stream.sink()](image::Reader archive) {
        return images.load(std::move(archive), sink);
    };
    auto loading = read_body(parts, exchange, std::move(work));
    co_return co_await stream.answer(std::move(loading), ProgressStream::Client::kIgnore);
}

Result<std::optional<oci::Platform>> platform_of(const http::Query& query) {
    const auto text = query.get("platform");
    if (text.empty()) return std::optional<oci::Platform>();
    BERTH_TRY(auto platform, oci::Platform::parse(text));
    return std::optional<oci::Platform>(std::move(platform));
}

Async<Result<>> import(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    if (query.get("fromSrc") != "-") {
        co_return fail(ErrorKind::kNotImplemented, "importing from a URL is not supported yet");
    }
    BERTH_CO_TRY(auto name, import_name(query));
    BERTH_CO_TRY(auto platform, platform_of(query));
    const auto message = query.get("message");
    const auto changes = query.all("changes");
    ProgressStream stream(parts.io, exchange);
    BlockingWork work = [&images = parts.images, &name, &message, &changes, &platform,
                         sink = stream.sink()](image::Reader tar) -> Result<> {
        BERTH_TRY(auto id, images.import(std::move(tar), name, message, changes, platform));
        sink(json{{"status", id.text()}}.dump());
        return {};
    };
    auto importing = read_body(parts, exchange, std::move(work));
    co_return co_await stream.answer(std::move(importing), ProgressStream::Client::kIgnore);
}

Async<Result<>> publish_pull(Parts& parts, oci::Reference reference, Async<Result<>> pulling) {
    BERTH_CO_CHECK(co_await std::move(pulling));
    parts.events.publish({.type = "image",
                          .action = "pull",
                          .actor_id = reference.familiar(),
                          .attributes = {{"name", reference.familiar_name()}}});
    co_return Result<>();
}

Async<Result<>> pull(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_TRY(auto reference, pull_reference(query));
    BERTH_CO_TRY(auto platform, platform_of(query));
    registry::PullRequest request{
        reference, platform, registry::parse_registry_auth(exchange.request.headers.get("X-Registry-Auth"))};
    ProgressStream stream(parts.io, exchange);
    auto sink = stream.sink();
    auto pulling = parts.puller.pull(std::move(request), sink);
    auto work = publish_pull(parts, reference, std::move(pulling));
    co_return co_await stream.answer(std::move(work), ProgressStream::Client::kWatch);
}

Async<Result<>> create(Parts& parts, Exchange& exchange) {
    if (exchange.request.query.has("fromImage")) co_return co_await pull(parts, exchange);
    if (exchange.request.query.has("fromSrc")) co_return co_await import(parts, exchange);
    co_return fail(ErrorKind::kInvalidArgument, "one of fromImage and fromSrc is needed");
}

Async<Result<>> list(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_CHECK(refuse_parameters(query, {"manifests", "shared-size"}));
    auto work = [&parts, &query, version = exchange.version] {
        return list_images(parts.images, query, version);
    };
    BERTH_CO_TRY(auto body, co_await parts.pool.run(work));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> inspect(Parts& parts, Exchange& exchange) {
    BERTH_CO_CHECK(refuse_parameters(exchange.request.query, {"manifests", "platform"}));
    auto work = [&parts, name = name_of(exchange), version = exchange.version]() -> Result<json> {
        BERTH_TRY(auto details, parts.images.inspect(name));
        return show_image(details, version);
    };
    BERTH_CO_TRY(auto body, co_await parts.pool.run(work));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> history(Parts& parts, Exchange& exchange) {
    BERTH_CO_CHECK(refuse_parameters(exchange.request.query, {"platform"}));
    auto work = [&parts, name = name_of(exchange)]() -> Result<json> {
        BERTH_TRY(auto details, parts.images.inspect(name));
        return show_history(details);
    };
    BERTH_CO_TRY(auto body, co_await parts.pool.run(work));
    co_return co_await exchange.json(200, std::move(body));
}

Async<Result<>> tag(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    auto work = [&parts, name = name_of(exchange), repository = query.get("repo"), tag = query.get("tag")] {
        return parts.images.tag(name, repository, tag);
    };
    BERTH_CO_CHECK(co_await parts.pool.run(work));
    co_return co_await exchange.empty(201);
}

Async<Result<>> remove(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_CHECK(refuse_parameters(query, {"platforms"}));
    auto work = [&parts, name = name_of(exchange), force = query.flag("force"),
                 prune = !query.flag("noprune"),
                 users = parts.users()] { return parts.images.remove(name, force, prune, users); };
    BERTH_CO_TRY(auto removed, co_await parts.pool.run(work));
    auto body = show_removed(removed);
    co_return co_await exchange.json(200, std::move(body));
}

// What is known and not there yet says so.
template <const char* kWhat>
Async<Result<>> not_yet(Parts&, Exchange&) {
    co_return fail(ErrorKind::kNotImplemented, std::string(kWhat) + " is not supported yet");
}
constexpr char kPush[] = "pushing images", kSave[] = "saving images", kSearch[] = "searching for images",
               kPrune[] = "pruning images";

}  // namespace

void add_image_routes(Router& router, ImageRouteParts parts) {
    using Route = Async<Result<>> (*)(Parts&, Exchange&);
    auto shared = std::make_shared<Parts>(std::move(parts));
    auto add = [&](const char* method, const char* pattern, Route route) {
        router.add(method, pattern, [shared, route](Exchange& exchange) { return route(*shared, exchange); });
    };
    add("GET", "/images/json", list);
    add("GET", "/images/search", not_yet<kSearch>);
    add("GET", "/images/get", not_yet<kSave>);
    add("POST", "/images/load", load);
    add("POST", "/images/create", create);
    add("POST", "/images/prune", not_yet<kPrune>);
    add("GET", "/images/{name...}/json", inspect);
    add("GET", "/images/{name...}/history", history);
    add("GET", "/images/{name...}/get", not_yet<kSave>);
    add("POST", "/images/{name...}/tag", tag);
    add("POST", "/images/{name...}/push", not_yet<kPush>);
    add("DELETE", "/images/{name...}", remove);
}

}  // namespace berth::api
