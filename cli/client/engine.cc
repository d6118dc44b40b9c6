#include "cli/client/engine.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/archive/socket_body.h"
#include "engine/async/spawn.h"
#include "engine/http/status.h"

namespace berth::cli {

namespace {

constexpr std::size_t kPiece = 256 << 10;

// To a connection that has a coding of its own.
class StreamSink : public archive::ByteSink {
 public:
    StreamSink(IoContext& io, async::Stream& stream) : io_(io), stream_(stream) {}
    Result<> put(std::string_view bytes) override { return async::block_on(io_, stream_.write_all(bytes)); }
    Result<> send(int file_fd, std::uint64_t size) override {
        std::string piece;
        while (size > 0) {
            piece.resize(std::min<std::uint64_t>(size, kPiece));
            ssize_t got = ::read(file_fd, piece.data(), piece.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno("read");
            // It was longer when its size was told.
            if (got == 0) piece.assign(piece.size(), '\0');
            if (got > 0) piece.resize(static_cast<std::size_t>(got));
            BERTH_CHECK(put(piece));
            size -= piece.size();
        }
        return {};
    }

 private:
    IoContext& io_;
    async::Stream& stream_;
};

// From one.
class BodySource : public archive::ByteSource {
 public:
    BodySource(IoContext& io, http::BodyReader& body) : io_(io), body_(body), buffer_(kPiece, '\0') {}
    Result<std::string_view> next() override {
        BERTH_TRY(std::size_t got, async::block_on(io_, body_.read_some(buffer_)));
        return std::string_view(buffer_.data(), got);
    }

 private:
    IoContext& io_;
    http::BodyReader& body_;
    std::string buffer_;
};

Result<> send_file(int fd, archive::ByteSink& body) {
    struct stat status{};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        const off_t at = ::lseek(fd, 0, SEEK_CUR);
        return body.send(fd, static_cast<std::uint64_t>(std::max<off_t>(status.st_size - at, 0)));
    }
    archive::FdSource source(fd);
    for (;;) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) return {};
        BERTH_CHECK(body.put(piece));
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
    return Error{http::kind_of_status(status), "Error response from daemon: " + message, 0};
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

Result<http::ClientResponse> Engine::checked(Result<http::ClientResponse> response) {
    if (!response) return Failure(unreachable(std::move(response.error())));
    if (response->status < 400) return response;
    BERTH_TRY(std::string body, async::block_on(io_, response->body->read_all(1 << 20)));
    return Failure(refused(response->status, body));
}

Result<> Engine::take_all(http::BodyReader& body, const Take& take) {
    BodySource source(io_, body);
    for (;;) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) return {};
        BERTH_CHECK(take(piece));
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

Engine::Fill Engine::file_body(int fd) {
    return [fd](archive::ByteSink& body) { return send_file(fd, body); };
}

Result<> Engine::stream(std::string method, std::string target, http::Headers headers, int upload_fd,
                        Take take) {
    if (upload_fd >= 0) {
        return upload(std::move(method), std::move(target), std::move(headers), file_body(upload_fd),
                      std::move(take));
    }
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = versioned(target);
    request.headers = std::move(headers);
    BERTH_TRY(auto response, checked(async::block_on(io_, client_.request(std::move(request)))));
    return take_all(*response.body, take);
}

Result<> Engine::upload(std::string method, std::string target, http::Headers headers, Fill fill, Take take) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = versioned(target);
    request.headers = std::move(headers);
    auto stream = async::block_on(io_, client_.begin_upload(std::move(request)));
    if (!stream) return Failure(unreachable(std::move(stream.error())));
    UniqueFd socket = (*stream)->share_socket();
    archive::FdSink plain(socket.get());
    StreamSink coded(io_, **stream);
    archive::ChunkedSink body(socket ? static_cast<archive::ByteSink&>(plain) : coded);
    // The socket is written to past the library that would say MSG_NOSIGNAL.
    auto before = ::signal(SIGPIPE, SIG_IGN);
    auto sent = fill(body);
    if (sent) sent = body.finish();
    ::signal(SIGPIPE, before);
    // A server that refuses an upload answers before its end.
    const bool cut = !sent && (sent.error().sys_errno == EPIPE || sent.error().sys_errno == ECONNRESET ||
                               sent.error().kind == ErrorKind::kCancelled);
    if (!sent && !cut) return sent;
    socket.reset();
    BERTH_TRY(auto response, checked(async::block_on(io_, client_.answer(std::move(*stream)))));
    return take_all(*response.body, take);
}

Result<> Engine::download(std::string target, Drain drain) {
    http::ClientRequest request;
    request.target = versioned(target);
    BERTH_TRY(auto response, checked(async::block_on(io_, client_.request(std::move(request)))));
    if (auto raw = response.body->take_raw()) {
        archive::SocketBody body(raw->socket.get(), std::move(raw->early), raw->length);
        return drain(body);
    }
    BodySource body(io_, *response.body);
    return drain(body);
}

}  // namespace berth::cli
