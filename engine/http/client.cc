#include "engine/http/client.h"

#include <fmt/format.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "engine/async/race.h"
#include "engine/async/socket_stream.h"
#include "engine/http/parser.h"
#include "engine/http/prefixed_stream.h"
#include "engine/http/tls_stream.h"

namespace berth::http {

namespace {

constexpr std::size_t kReadSize = 32 << 10;
constexpr std::size_t kErrorLimit = 1 << 20;
constexpr std::size_t kIdleConnections = 8;

using StreamPtr = std::unique_ptr<async::Stream>;

// Connections that wait for their next request.
struct Idle {
    std::deque<StreamPtr> streams;
};

Async<Result<std::size_t>> fill(async::Stream& stream, std::string& buffer) {
    const std::size_t before = buffer.size();
    buffer.resize(before + kReadSize);
    auto target = std::span<char>(buffer.data() + before, kReadSize);
    auto size = co_await stream.read_some(target);
    buffer.resize(before + (size ? *size : 0));
    co_return size;
}

// A response on its connection.
struct Incoming {
    StreamPtr stream;
    std::string buffer;
    std::unique_ptr<Parser> parser;
};

class ResponseBody final : public BodyReader {
 public:
    ResponseBody(Incoming incoming, std::weak_ptr<Idle> idle)
        : incoming_(std::move(incoming)), idle_(std::move(idle)) {
        if (incoming_.parser->done()) give_back();
    }
    ~ResponseBody() override {
        if (incoming_.stream) incoming_.stream->close();
    }

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        while (body_.empty()) {
            BERTH_CO_TRY(bool ended, incoming_.parser->parse_body(incoming_.buffer, body_));
            if (ended) give_back();
            if (!body_.empty()) break;
            if (ended) co_return std::size_t{0};
            BERTH_CO_TRY(std::size_t size, co_await fill(*incoming_.stream, incoming_.buffer));
            if (size == 0 && !incoming_.parser->finish())
                co_return fail(ErrorKind::kUnavailable, "unexpected EOF");
        }
        const std::size_t size = std::min(buffer.size(), body_.size());
        body_.copy(buffer.data(), size);
        body_.erase(0, size);
        co_return size;
    }

 private:
    // The connection can carry another request once this response has been read.
    void give_back() {
        if (!incoming_.stream) return;
        auto idle = idle_.lock();
        if (idle && incoming_.parser->keep_alive() && incoming_.buffer.empty() &&
            idle->streams.size() < kIdleConnections) {
            idle->streams.push_back(std::move(incoming_.stream));
        } else {
            incoming_.stream->close();
            incoming_.stream.reset();
        }
    }

    Incoming incoming_;
    std::weak_ptr<Idle> idle_;
    std::string body_;
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

std::string message_of(const std::string& body, unsigned status) {
    auto parsed = nlohmann::json::parse(body, nullptr, false);
    if (parsed.is_object() && parsed.contains("message") && parsed["message"].is_string()) {
        return parsed["message"].get<std::string>();
    }
    return body.empty() ? fmt::format("unexpected status {}", status) : body;
}

}  // namespace

struct Client::Impl {
    IoContext& io;
    Endpoint endpoint;
    std::chrono::seconds deadline;
    std::shared_ptr<Idle> idle = std::make_shared<Idle>();

    std::string head(const ClientRequest& request) const;
    Async<Result<StreamPtr>> connect();
    Async<Result<Incoming>> exchange(const ClientRequest& request);
    Async<Result<Incoming>> exchange_on(StreamPtr stream, const ClientRequest& request, bool* answered);
    Async<Result<Incoming>> exchange_in_time(const ClientRequest& request);
};

Client::Client(IoContext& io, Endpoint endpoint, unsigned head_deadline_seconds)
    : impl_(new Impl{io, std::move(endpoint), std::chrono::seconds(head_deadline_seconds)}) {}

Client::~Client() = default;

std::string Client::Impl::head(const ClientRequest& request) const {
    std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
    if (!request.headers.has("Host")) {
        std::string host = "localhost";
        if (endpoint.kind != Endpoint::Kind::kUnix) {
            const bool usual = endpoint.port == (endpoint.kind == Endpoint::Kind::kTls ? 443 : 80);
            host = endpoint.host.find(':') == std::string::npos ? endpoint.host : "[" + endpoint.host + "]";
            if (!usual) host += fmt::format(":{}", endpoint.port);
        }
        out += "Host: " + host + "\r\n";
    }
    for (const auto& [name, value] : request.headers.fields()) out += fmt::format("{}: {}\r\n", name, value);
    if (request.stream != nullptr) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
        out += fmt::format("Content-Length: {}\r\n", request.body.size());
    }
    return out + "\r\n";
}

Async<Result<StreamPtr>> Client::Impl::connect() {
    if (endpoint.kind == Endpoint::Kind::kUnix) {
        BERTH_CO_TRY(auto socket, co_await async::connect_unix(io, endpoint.path));
        co_return async::make_socket_stream(io, std::move(socket));
    }
    BERTH_CO_TRY(auto socket, co_await async::connect_tcp(io, endpoint.host, endpoint.port));
    auto plain = async::make_socket_stream(io, std::move(socket));
    if (endpoint.kind == Endpoint::Kind::kTcp) co_return std::move(plain);
    co_return co_await connect_tls(std::move(plain), endpoint.host);
}

namespace {

// Header injection by a value with a line break is the caller's bug; nothing of it may reach the wire.
bool well_formed(const ClientRequest& request) {
    auto clean = [](std::string_view text) { return text.find_first_of("\r\n\0") == std::string_view::npos; };
    if (!clean(request.method) || !clean(request.target) || request.target.find(' ') != std::string::npos)
        return false;
    for (const auto& [name, value] : request.headers.fields()) {
        if (!clean(name) || !clean(value)) return false;
    }
    return true;
}

Async<Result<>> send_body(async::Stream& stream, BodySource& source) {
    for (;;) {
        BERTH_CO_TRY(std::string piece, co_await source.next());
        const bool last = piece.empty();
        piece.insert(0, fmt::format("{:x}\r\n", piece.size()));
        piece += "\r\n";
        BERTH_CO_CHECK(co_await stream.write_all(piece));
        if (last) co_return Result<>();
    }
}

}  // namespace

Async<Result<Incoming>> Client::Impl::exchange_on(StreamPtr stream, const ClientRequest& request,
                                                  bool* answered) {
    Incoming in{std::move(stream), {}, nullptr};
    std::string out = head(request);
    if (request.stream == nullptr) out += request.body;
    auto sent = co_await in.stream->write_all(out);
    if (sent && request.stream != nullptr) {
        sent = co_await send_body(*in.stream, *request.stream);
        // A server that refuses an upload answers before its end.
        if (!sent && sent.error().message.find("the peer has closed") == std::string::npos) {
            co_return Failure(std::move(sent.error()));
        }
    }
    do {
        in.parser = std::make_unique<Parser>(Parser::Kind::kResponse);
        if (request.method == "HEAD") in.parser->expect_no_body();
        for (;;) {
            BERTH_CO_TRY(bool complete, in.parser->parse_head(in.buffer));
            if (complete) break;
            BERTH_CO_TRY(std::size_t size, co_await fill(*in.stream, in.buffer));
            if (size == 0) co_return fail(ErrorKind::kUnavailable, "EOF");
            *answered = true;
        }
    } while (in.parser->status >= 100 && in.parser->status < 200 && in.parser->status != 101);
    co_return in;
}

// An idle connection may have been closed by the server meanwhile: then, and only if nothing of an answer has
// come, the request goes out once more on a new one.
Async<Result<Incoming>> Client::Impl::exchange(const ClientRequest& request) {
    if (!well_formed(request)) co_return fail(ErrorKind::kInvalidArgument, "malformed HTTP request");
    if (!idle->streams.empty() && request.stream == nullptr) {
        StreamPtr stream = std::move(idle->streams.back());
        idle->streams.pop_back();
        bool answered = false;
        auto in = co_await exchange_on(std::move(stream), request, &answered);
        if (in || answered || in.error().kind == ErrorKind::kInvalidArgument) co_return in;
    }
    BERTH_CO_TRY(auto stream, co_await connect());
    bool answered = false;
    auto in = co_await exchange_on(std::move(stream), request, &answered);
    co_return in;
}

Async<Result<Incoming>> Client::Impl::exchange_in_time(const ClientRequest& request) {
    auto work = exchange(request);
    if (deadline.count() == 0) co_return co_await std::move(work);
    auto limited = async::with_deadline(deadline, request.method + " " + request.target, std::move(work));
    co_return co_await std::move(limited);
}

Async<Result<ClientResponse>> Client::request(ClientRequest request) {
    BERTH_CO_TRY(auto in, co_await impl_->exchange_in_time(request));
    ClientResponse out{in.parser->status, in.parser->reason, in.parser->headers, nullptr};
    out.body = std::make_unique<ResponseBody>(std::move(in), impl_->idle);
    co_return out;
}

Async<Result<Client::Upgraded>> Client::upgrade(ClientRequest request) {
    if (!request.headers.has("Upgrade")) {
        request.headers.add("Connection", "Upgrade");
        request.headers.add("Upgrade", "tcp");
    }
    BERTH_CO_TRY(auto in, co_await impl_->exchange_in_time(request));
    Upgraded out{{in.parser->status, in.parser->reason, in.parser->headers, nullptr}, nullptr};
    if (out.head.status != 101 && out.head.status != 200) {
        auto body = std::make_unique<ResponseBody>(std::move(in), impl_->idle);
        auto text = co_await body->read_all(kErrorLimit);
        co_return fail(kind_of(out.head.status), message_of(text ? *text : std::string(), out.head.status));
    }
    out.stream = make_prefixed_stream(std::move(in.buffer), std::move(in.stream));
    co_return out;
}

}  // namespace berth::http
