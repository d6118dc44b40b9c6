#include "registry/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/async/race.h"
#include "engine/async/spawn.h"

namespace berth::registry {

namespace {

constexpr int kRedirects = 10, kTries = 5;
constexpr auto kFirstPause = std::chrono::milliseconds(200);
constexpr auto kLongestPause = std::chrono::seconds(5);

// A server that is no TLS server, or waits for more than a greeting; a certificate that is wrong is not that.
bool speaks_no_tls(const Error& error, const std::string& authority) {
    // Where a port is named nobody else would listen either.
    const bool other_port = authority.find(':', authority.rfind(']') + 1) == std::string::npos;
    const bool refused = error.message.find("onnection refused") != std::string::npos;
    const bool silent = error.kind == ErrorKind::kDeadlineExceeded && error.message.starts_with("dial ");
    return silent || error.message.find("server gave HTTP response to HTTPS client") != std::string::npos ||
           error.message.find("tls: the peer has closed") != std::string::npos ||
           error.message.find("wrong version number") != std::string::npos ||
           error.message.find("packet length too long") != std::string::npos ||
           error.message.find("onnection reset") != std::string::npos || (refused && other_port);
}

bool is_busy(unsigned status) {
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

bool can_repeat(const WireRequest& request) {
    return request.stream == nullptr || request.stream->rewind();
}

// Retry-After in seconds, as far as one waits for it.
std::chrono::milliseconds asked_pause(const http::ClientResponse& response) {
    const auto text = response.headers.get("Retry-After");
    unsigned seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return std::min<std::chrono::milliseconds>(std::chrono::seconds(seconds), kLongestPause);
}

// A certificate that is wrong stays so, and nobody is there where a connection is refused.
bool is_worth_another_try(const Error& error) {
    for (const char* final : {"tls: ", "http: server gave", "onnection refused", "no such host"}) {
        if (error.message.find(final) != std::string::npos) return false;
    }
    return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kInternal;
}

}  // namespace

Wire::Wire(IoContext& io, Settings settings, RegistryHost host, Credentials credentials,
           http::Endpoint endpoint, http::ClientOptions options)
    : io_(io),
      settings_(std::move(settings)),
      host_(host),
      authorizer_(io, *settings_, std::move(host), std::move(credentials)),
      client_(io, std::move(endpoint), std::move(options)) {}

Async<Result<std::shared_ptr<Wire>>> Wire::open(IoContext& io, Settings settings, RegistryHost host,
                                                Credentials credentials) {
    std::optional<Deadline> opening;
    if (host.insecure && host.scheme == "https") {
        const Deadline deadline(settings->patience);
        const std::string probe = host.origin() + host.prefix + "/v2/";
        http::ClientRequest request{.method = "HEAD"};
        auto answer = co_await ask_url(io, *settings, probe, std::move(request), host.tls, true);
        if (!answer && speaks_no_tls(answer.error(), host.authority)) host.scheme = "http";
        if (!answer) opening = deadline;
    }
    BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(host.origin()));
    BERTH_CO_TRY(auto options, client_options(*settings, endpoint, host.tls));
    auto wire = std::make_shared<Wire>(io, std::move(settings), std::move(host), std::move(credentials),
                                       std::move(endpoint), std::move(options));
    wire->opening_ = opening;
    co_return wire;
}

std::string Wire::url(const std::string& target) const {
    return url_origin(target).empty() ? host_.origin() + host_.prefix + target : target;
}

// Whether a URL is on this very host: scheme, name and port.
bool Wire::is_own(const std::string& url) const {
    return url_origin(url) == host_.origin();
}

Async<Result<http::ClientResponse>> Wire::send(WireRequest request) {
    request.target = url(request.target);
    if (!request.deadline) request.deadline = opening_ ? *opening_ : Deadline(settings_->patience);
    opening_.reset();
    auto response = co_await persist(request);
    if (!response || !is_redirect(response->status)) co_return response;
    const bool repeatable = request.method == "GET" || request.method == "HEAD";
    const bool keeps_method = response->status == 307 || response->status == 308;
    if (!repeatable && !(keeps_method && can_repeat(request))) co_return response;
    co_return co_await follow(std::move(*response), request);
}

Async<Result<http::ClientResponse>> Wire::persist(WireRequest& request) {
    const bool repeatable = request.method == "GET" || request.method == "HEAD";
    std::chrono::milliseconds pause = kFirstPause;
    for (int tries = 1;; ++tries, pause *= 2) {
        auto response = co_await authorized(request);
        const bool busy = response && is_busy(response->status);
        const bool broken = !response && !request.gives_up && is_worth_another_try(response.error());
        if (!repeatable || (!busy && !broken) || tries == kTries) co_return response;
        if (busy) request.deadline->renew();
        const auto longer = busy ? std::max(pause, asked_pause(*response)) : pause;
        if (longer >= request.deadline->left()) co_return response;
        BERTH_CO_CHECK(co_await async::sleep_for(longer));
    }
}

// Asks again when the registry wants to know who asks.
Async<Result<http::ClientResponse>> Wire::authorized(WireRequest& request) {
    std::string authorization;
    if (!is_own(request.target)) co_return co_await once(request, authorization);
    const auto begun = steady_clock::now();
    BERTH_CO_TRY(authorization, co_await authorizer_.header(request.scope));
    request.deadline->put_off(steady_clock::now() - begun);
    if (authorization.empty() && request.volunteer) authorization = authorizer_.volunteer();
    auto response = co_await once(request, authorization);
    if (!response || response->status != 401) co_return response;
    if (!authorizer_.learn(response->headers, authorization, request.scope)) co_return response;
    BERTH_CO_TRY(auto better, co_await authorizer_.header(request.scope));
    if (better.empty() || !can_repeat(request)) co_return response;
    request.deadline->renew();
    co_return co_await once(request, std::move(better));
}

Async<Result<http::ClientResponse>> Wire::once(const WireRequest& request, std::string authorization) {
    http::ClientRequest out{.method = request.method,
                            .target = url_target(request.target),
                            .headers = request.headers,
                            .body = request.body,
                            .stream = request.stream};
    if (!authorization.empty()) out.headers.set("Authorization", std::move(authorization));
    auto asking = ask(request, std::move(out));
    // A body takes its time; the client looks after its pieces.
    if (request.stream == nullptr && request.body.empty()) {
        asking = async::with_deadline(request.deadline->left(), "timeout awaiting response headers",
                                      std::move(asking));
    }
    auto response = co_await std::move(asking);
    if (response) co_return response;
    std::string method = request.method;
    for (std::size_t i = 1; i < method.size(); ++i) method[i] = static_cast<char>(method[i] - 'A' + 'a');
    co_return in(fmt::format("{} \"{}\"", method, request.target), std::move(response));
}

Async<Result<http::ClientResponse>> Wire::ask(const WireRequest& request, http::ClientRequest out) {
    if (!is_own(request.target))
        co_return co_await ask_url(io_, *settings_, request.target, std::move(out), nullptr);
    out.headers.set("User-Agent", "berth/" BERTH_VERSION);
    co_return co_await client_.request(std::move(out));
}

// Blobs often lie elsewhere. What began with TLS goes on with it.
Async<Result<http::ClientResponse>> Wire::follow(http::ClientResponse response, const WireRequest& request) {
    WireRequest next = request;
    for (int hop = 0; hop < kRedirects; ++hop) {
        std::string location(response.headers.get("Location"));
        const std::string origin = url_origin(next.target);
        if (location.starts_with('/') && !location.starts_with("//")) location = origin + location;
        if (url_origin(location).empty()) {
            co_return fail(ErrorKind::kInvalidArgument,
                           fmt::format("the registry redirects to \"{}\"", location));
        }
        if (origin.starts_with("https://") && location.starts_with("http://")) {
            co_return fail(ErrorKind::kInvalidArgument,
                           fmt::format("the registry redirects to plain HTTP: {}", location));
        }
        next.target = std::move(location);
        next.deadline->renew();
        if (hop > 0 && !can_repeat(next)) co_return response;
        auto answer = co_await persist(next);
        if (!answer || !is_redirect(answer->status)) co_return answer;
        response = std::move(*answer);
    }
    co_return fail(ErrorKind::kInvalidArgument, fmt::format("stopped after {} redirects", kRedirects));
}

}  // namespace berth::registry
