#include "engine/api/image_transfers.h"

#include <nlohmann/json.hpp>

#include "engine/api/body_pipe.h"
#include "engine/api/image_queries.h"
#include "engine/api/progress_stream.h"
#include "engine/async/race.h"

namespace berth::api {

namespace {

using nlohmann::json;
using Parts = const ImageRouteParts;
constexpr ApiVersion kPushPlatform{1, 46};

using BlockingWork = std::function<Result<>(image::Reader)>;

// Runs blocking work that reads a body while the io thread brings it.
Async<Result<>> read_body(Parts& parts, http::BodyReader& body, BlockingWork work) {
    BERTH_CO_TRY(auto pipe, BodyPipe::open(parts.io));
    auto step = [&work, &pipe] { return work(pipe->reader()); };
    auto working = parts.transfers.run(step);
    auto pumping = pipe->pump(body);
    auto first = co_await async::race(std::move(working), std::move(pumping));
    // The pump leaves first only when all of this is being cancelled.
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the client has gone");
    co_return std::move(std::get<0>(first));
}

// The platform parameter of pull and import: "linux/arm64".
Result<std::optional<oci::Platform>> plain_platform(const http::Query& query) {
    const auto text = query.get("platform");
    if (text.empty()) return std::optional<oci::Platform>();
    BERTH_TRY(auto platform, oci::Platform::parse(text));
    return std::optional<oci::Platform>(std::move(platform));
}

// A tar from elsewhere, which a URL without a scheme names by http.
Async<Result<>> import_from(Parts& parts, std::string url, image::Progress progress, BlockingWork work) {
    if (url.find("://") == std::string::npos) url = "http://" + url;
    BERTH_CO_TRY(auto response, co_await parts.registry.fetch(url));
    progress(json{{"status", "Downloading from " + url}}.dump());
    co_return co_await read_body(parts, *response.body, std::move(work));
}

Async<Result<>> import(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_TRY(auto name, import_name(query));
    BERTH_CO_TRY(auto platform, plain_platform(query));
    const auto source = query.get("fromSrc");
    auto message = query.get("message");
    if (message.empty()) message = "Imported from " + source;
    const auto changes = query.all("changes");
    ProgressStream stream(parts.io, exchange);
    BlockingWork work = [&images = parts.images, &name, &message, &changes, &platform,
                         sink = stream.sink()](image::Reader tar) -> Result<> {
        BERTH_TRY(auto id, images.import(std::move(tar), name, message, changes, platform));
        sink(json{{"status", id.text()}}.dump());
        return {};
    };
    if (source != "-") {
        auto importing = import_from(parts, source, stream.sink(), std::move(work));
        co_return co_await stream.answer(std::move(importing), ProgressStream::Client::kWatch);
    }
    auto importing = read_body(parts, *exchange.request.body, std::move(work));
    co_return co_await stream.answer(std::move(importing), ProgressStream::Client::kIgnore);
}

Async<Result<>> pull(Parts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_TRY(auto reference, pull_reference(query));
    BERTH_CO_TRY(auto platform, plain_platform(query));
    registry::PullRequest request{
        reference, platform, registry::parse_registry_auth(exchange.request.headers.get("X-Registry-Auth"))};
    ProgressStream stream(parts.io, exchange);
    auto sink = stream.sink();
    auto pulling = parts.registry.pull(std::move(request), sink);
    co_return co_await stream.answer(std::move(pulling), ProgressStream::Client::kWatch);
}

// From the client's socket past this process, where that can be.
Async<Result<>> load(Parts& parts, http::BodyReader& body, std::vector<oci::Platform> platforms,
                     image::Progress sink) {
    auto raw = body.take_raw();
    if (raw) {
        auto work = [&]() -> Result<bool> {
            confine::TarInput archive{std::move(raw->socket), {{std::move(raw->early), raw->length}}};
            return parts.images.load(std::move(archive), platforms, sink);
        };
        BERTH_CO_TRY(const bool ended, co_await parts.transfers.run(work));
        if (ended) body.raw_finished();
        co_return Result<>();
    }
    BERTH_CO_TRY(auto pipe, BodyPipe::open(parts.io));
    auto work = [&]() -> Result<> {
        confine::TarInput archive;
        BERTH_TRY(archive.fd, pipe->descriptor());
        BERTH_CHECK(parts.images.load(std::move(archive), platforms, sink));
        return {};
    };
    auto working = parts.transfers.run(work);
    auto pumping = pipe->pump(body);
    auto first = co_await async::race(std::move(working), std::move(pumping));
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the client has gone");
    co_return std::move(std::get<0>(first));
}

}  // namespace

Async<Result<>> create_image(const ImageRouteParts& parts, Exchange& exchange) {
    if (exchange.request.query.has("fromImage")) co_return co_await pull(parts, exchange);
    if (exchange.request.query.has("fromSrc")) co_return co_await import(parts, exchange);
    co_return fail(ErrorKind::kInvalidArgument, "one of fromImage and fromSrc is needed");
}

Async<Result<>> push_image(const ImageRouteParts& parts, Exchange& exchange) {
    const auto& query = exchange.request.query;
    BERTH_CO_TRY(auto reference, oci::Reference::parse(exchange.params.find("name")->second));
    if (const auto tag = query.get("tag"); !tag.empty()) {
        BERTH_CO_TRY(reference, reference.trimmed().with_tag(tag));
    }
    std::optional<oci::Platform> platform;
    // Older clients send one that never meant anything.
    if (exchange.version >= kPushPlatform) {
        BERTH_CO_TRY(platform, platform_of(query));
    }
    registry::PushRequest request{
        reference, platform, registry::parse_registry_auth(exchange.request.headers.get("X-Registry-Auth"))};
    ProgressStream stream(parts.io, exchange);
    auto sink = stream.sink();
    auto pushing = parts.registry.push(std::move(request), sink);
    co_return co_await stream.answer(std::move(pushing), ProgressStream::Client::kWatch,
                                     ProgressStream::Failure::kInStream);
}

Async<Result<>> load_images(const ImageRouteParts& parts, Exchange& exchange) {
    BERTH_CO_TRY(auto platforms, platforms_of(exchange.request.query));
    ProgressStream stream(parts.io, exchange);
    auto loading = load(parts, *exchange.request.body, platforms, stream.sink());
    co_return co_await stream.answer(std::move(loading), ProgressStream::Client::kIgnore,
                                     ProgressStream::Failure::kInStream);
}

}  // namespace berth::api
