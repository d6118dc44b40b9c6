#include "cli/client/engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "engine/async/spawn.h"

namespace berth::cli {

namespace {

// A file as a request body. Reads block, which is fine where nothing else goes on.
class FileSource : public http::BodySource {
 public:
    explicit FileSource(int fd) : fd_(fd) {}

    Async<Result<std::string>> next() override {
        std::string piece(1 << 16, '\0');
        ssize_t got = 0;
        do {
            got = ::read(fd_, piece.data(), piece.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0) co_return fail_errno("read");
        piece.resize(static_cast<std::size_t>(got));
        co_return piece;
    }

 private:
    int fd_;
};

ErrorKind kind_of(unsigned status) {
    switch (status) {
        case 400:
            return ErrorKind::kInvalidArgument;
        case 401:
            return ErrorKind::kUnauthorized;
        case 403:
            return ErrorKind::kForbidden;
        case 404:
            return ErrorKind::kNotFound;
        case 409:
            return ErrorKind::kConflict;
        case 501:
            return ErrorKind::kNotImplemented;
        case 503:
            return ErrorKind::kUnavailable;
        default:
            return ErrorKind::kInternal;
    }
}

Result<Json> parsed(const std::string& body) {
    if (body.empty()) return Json();
    Json json = Json::parse(body, nullptr, false);
    if (json.is_discarded()) return fail(ErrorKind::kInternal, "invalid JSON from the daemon");
    return json;
}

}  // namespace

Engine::Engine(http::Endpoint endpoint, const Settings& settings)
    : host_(settings.host), client_(io_, std::move(endpoint)) {
    if (!settings.api_version.empty()) prefix_ = "/v" + settings.api_version;
}

Result<std::unique_ptr<Engine>> Engine::open(const Settings& settings) {
    auto endpoint = http::Endpoint::parse(settings.host);
    if (!endpoint) {
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("unable to parse docker host `{}`", settings.host));
    }
    return std::unique_ptr<Engine>(new Engine(std::move(*endpoint), settings));
}

Error Engine::refused(unsigned status, std::string_view body) {
    Json json = Json::parse(body, nullptr, false);
    std::string message = json.is_object() ? text_of(json, "message") : std::string(body);
    while (!message.empty() && message.back() == '\n') message.pop_back();
    return Error{kind_of(status), "Error response from daemon: " + message, 0};
}

Error Engine::unreachable(Error error) const {
    if (error.sys_errno == 0 && error.kind != ErrorKind::kUnavailable) return error;
    return Error{
        ErrorKind::kUnavailable,
        fmt::format("Cannot connect to the Docker daemon at {}. Is the docker daemon running?", host_),
        error.sys_errno};
}

Async<Result<Engine::Answer>> Engine::exchange(http::ClientRequest request) {
    auto response = co_await client_.request(std::move(request));
    if (!response) co_return Failure(unreachable(std::move(response.error())));
    BERTH_CO_TRY(std::string body, co_await response->body->read_all(std::size_t{1} << 30));
    if (response->status >= 400) co_return Failure(refused(response->status, body));
    co_return Answer{response->status, std::move(body)};
}

Async<Result<http::Headers>> Engine::exchange_head(http::ClientRequest request) {
    auto response = co_await client_.request(std::move(request));
    if (!response) co_return Failure(unreachable(std::move(response.error())));
    if (response->status >= 400) co_return Failure(refused(response->status, ""));
    co_return response->headers;
}

Async<Result<>> Engine::exchange_stream(http::ClientRequest request, int upload, Take take) {
    FileSource source(upload);
    if (upload >= 0) request.stream = &source;
    auto response = co_await client_.request(std::move(request));
    if (!response) co_return Failure(unreachable(std::move(response.error())));
    if (response->status >= 400) {
        BERTH_CO_TRY(std::string body, co_await response->body->read_all(1 << 20));
        co_return Failure(refused(response->status, body));
    }
    std::array<char, 1 << 15> buffer;
    while (true) {
        BERTH_CO_TRY(std::size_t got, co_await response->body->read_some(buffer));
        if (got == 0) co_return Result<>();
        BERTH_CO_CHECK(take({buffer.data(), got}));
    }
}

Result<Engine::Answer> Engine::call(std::string method, std::string target, std::optional<Json> body) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = versioned(target);
    if (body) {
        request.headers.set("Content-Type", "application/json");
        request.body = body->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return async::block_on(io_, exchange(std::move(request)));
}

Result<Json> Engine::get(std::string target) {
    BERTH_TRY(Answer answer, call("GET", std::move(target)));
    return parsed(answer.body);
}

Result<Json> Engine::post(std::string target, std::optional<Json> body) {
    BERTH_TRY(Answer answer, call("POST", std::move(target), std::move(body)));
    return parsed(answer.body);
}

Result<http::Headers> Engine::head(std::string target) {
    http::ClientRequest request;
    request.method = "HEAD";
    request.target = versioned(target);
    return async::block_on(io_, exchange_head(std::move(request)));
}

Result<> Engine::stream(std::string method, std::string target, http::Headers headers, int upload,
                        Take take) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = versioned(target);
    request.headers = std::move(headers);
    return async::block_on(io_, exchange_stream(std::move(request), upload, std::move(take)));
}

}  // namespace berth::cli
