#include "engine/api/authorized_exchange.h"

#include <nlohmann/json.hpp>

#include "engine/api/common_headers.h"
#include "engine/api/json_body.h"
#include "engine/api/version.h"
#include "engine/base/log.h"

namespace berth::api {

namespace {

constexpr std::size_t kBodyLimit = 4 << 20;

// "content-type" as Go's net/http writes it: Content-Type.
std::string canonical(std::string name) {
    bool start = true;
    for (char& c : name) {
        const auto byte = static_cast<unsigned char>(c);
        c = static_cast<char>(start ? std::toupper(byte) : std::tolower(byte));
        start = c == '-';
    }
    return name;
}

std::map<std::string, std::string> shown_headers(const http::Headers& headers) {
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : headers.fields()) {
        std::string shown = canonical(name);
        const bool secret =
            shown == "Authorization" || shown == "X-Registry-Config" || shown == "X-Registry-Auth";
        const bool framing = shown == "Host" || shown == "Transfer-Encoding" || shown == "Trailer";
        if (!secret && !framing) out[std::move(shown)] = value;
    }
    return out;
}

bool shows_body(const std::string& path, const http::Headers& headers) {
    if (split_version(path).path.starts_with("/auth")) return false;
    // The same rule by which a route takes a body for JSON.
    return check_content_type(headers.get("Content-Type")).has_value();
}

}  // namespace

// The body once more, for the route.
class AuthorizedExchange::ReadBody final : public http::BodyReader {
 public:
    explicit ReadBody(std::string bytes) : bytes_(std::move(bytes)) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        const std::size_t size = bytes_.copy(buffer.data(), buffer.size(), at_);
        at_ += size;
        co_return size;
    }

 private:
    std::string bytes_;
    std::size_t at_ = 0;
};

AuthorizedExchange::AuthorizedExchange(plugins::AuthorizationPlugins& plugins, http::Request& request,
                                       http::Responder& responder)
    : plugins_(plugins), request_(request), responder_(responder) {}

AuthorizedExchange::~AuthorizedExchange() = default;

Async<Result<>> AuthorizedExchange::read_body() {
    auto bytes = co_await request_.body->read_all(kBodyLimit);
    if (!bytes && bytes.error().kind == ErrorKind::kInvalidArgument)
        co_return fail(ErrorKind::kForbidden,
                       "authorization denied: the request's body is larger than the 4 MiB that "
                       "authorization plugins are shown");
    if (!bytes) co_return Failure(std::move(bytes.error()));
    case_.body = *bytes;
    body_ = std::make_unique<ReadBody>(std::move(*bytes));
    request_.body = body_.get();
    co_return Result<>();
}

Async<Result<>> AuthorizedExchange::admit() {
    case_.method = request_.method;
    case_.uri = request_.target;
    case_.headers = shown_headers(request_.headers);
    if (request_.peer) {
        case_.user = request_.peer->name;
        case_.user_method = "TLS";
        case_.certificates = request_.peer->certificates;
    }
    refused_ = true;
    if (shows_body(request_.path, request_.headers)) BERTH_CO_CHECK(co_await read_body());
    auto asking = plugins_.ask_request(case_);
    auto allowed = co_await std::move(asking);
    if (!allowed)
        log::error("a request was not authorized",
                   {{"method", case_.method}, {"uri", case_.uri}, {"error", allowed.error().message}});
    refused_ = !allowed;
    co_return allowed;
}

Async<Result<>> AuthorizedExchange::ask_about_response() {
    told_ = true;
    auto asking = plugins_.ask_response(case_);
    auto allowed = co_await std::move(asking);
    if (!allowed)
        log::error("a response was not authorized",
                   {{"method", case_.method}, {"uri", case_.uri}, {"error", allowed.error().message}});
    co_return allowed;
}

Async<Result<>> AuthorizedExchange::send(unsigned status, http::Headers headers, std::string body) {
    case_.status = status;
    case_.response_headers = shown_headers(headers);
    if (shows_body(request_.path, headers) && body.size() <= kBodyLimit) case_.response_body = body;
    // As an error it is sent in the place of what was refused.
    auto allowed = co_await ask_about_response();
    refused_ = !allowed;
    if (!allowed) co_return allowed;
    co_return co_await responder_.send(status, std::move(headers), std::move(body));
}

Async<Result<>> AuthorizedExchange::begin(unsigned status, http::Headers headers) {
    return responder_.begin(status, std::move(headers));
}

Async<Result<>> AuthorizedExchange::end() {
    BERTH_CO_CHECK(co_await ask_about_response());
    co_return co_await responder_.end();
}

Async<void> AuthorizedExchange::finish() {
    if (told_) co_return;
    // Of an error they see no more than this.
    if (!started()) case_.response_headers = shown_headers(common_headers(""));
    auto ignored = co_await ask_about_response();
    (void)ignored;
}

}  // namespace berth::api
