#include "engine/http/client.h"

#include <fmt/format.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "engine/async/race.h"
#include "engine/http/dial.h"
#include "engine/http/parser.h"
#include "engine/http/prefixed_stream.h"
#include "engine/http/status.h"

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

    std::optional<Raw> take_raw() override {
        if (!incoming_.stream || !body_.empty() || direct_) return std::nullopt;
        auto length = incoming_.parser->rest();
        if (!length && !incoming_.parser->chunked()) return std::nullopt;
        UniqueFd socket = incoming_.stream->share_socket();
        if (!socket) return std::nullopt;
        return Raw{std::move(socket), std::move(incoming_.buffer), length};
    }

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        if (direct_) co_return co_await read_direct(buffer);
        while (body_.empty()) {
            if (auto rest = incoming_.parser->rest(); rest && *rest > 0 && incoming_.buffer.empty()) {
                direct_ = rest;
                co_return co_await read_direct(buffer);
            }
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
    // The rest of a body of known length goes straight to where it is wanted.
    Async<Result<std::size_t>> read_direct(std::span<char> buffer) {
        if (*direct_ == 0 || buffer.empty()) co_return std::size_t{0};
        const auto room = std::min<std::uint64_t>(buffer.size(), *direct_);
        auto target = buffer.first(static_cast<std::size_t>(room));
        BERTH_CO_TRY(std::size_t size, co_await incoming_.stream->read_some(target));
        if (size == 0) co_return fail(ErrorKind::kUnavailable, "unexpected EOF");
        *direct_ -= size;
        if (*direct_ == 0) give_back();
        co_return size;
    }
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
    std::optional<std::uint64_t> direct_;  // bytes still to come past the parser
};

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
    ClientOptions options;
    std::shared_ptr<Idle> idle = std::make_shared<Idle>();

    std::string head(const ClientRequest& request) const;
    Async<Result<StreamPtr>> connect();
    Async<Result<>> send(async::Stream& stream, const ClientRequest& request);
    Async<Result<>> send_body(async::Stream& stream, BodySource& source);
    Async<Result<>> read_head(Incoming& in, bool no_body, bool* answered);
    Async<Result<Incoming>> exchange(const ClientRequest& request);
    Async<Result<Incoming>> exchange_on(StreamPtr stream, const ClientRequest& request, bool* answered);

    template <class T>
    static Async<Result<T>> limit(std::chrono::milliseconds deadline, std::string what,
                                  Async<Result<T>> work) {
        if (deadline.count() == 0) co_return co_await std::move(work);
        auto limited = async::with_deadline(deadline, std::move(what), std::move(work));
        co_return co_await std::move(limited);
    }
};

Client::Client(IoContext& io, Endpoint endpoint, ClientOptions options)
    : impl_(new Impl{io, std::move(endpoint), std::move(options)}) {}

Client::~Client() = default;

std::string Client::Impl::head(const ClientRequest& request) const {
    const bool by_proxy = options.proxy && endpoint.kind == Endpoint::Kind::kTcp;
    const std::string where = by_proxy ? "http://" + authority_of(endpoint) + request.target : request.target;
    std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, where);
    if (!request.headers.has("Host")) out += "Host: " + authority_of(endpoint) + "\r\n";
    for (const auto& [name, value] : request.headers.fields()) out += fmt::format("{}: {}\r\n", name, value);
    if (by_proxy && !options.proxy->authorization.empty())
        out += "Proxy-Authorization: " + options.proxy->authorization + "\r\n";
    if (request.stream != nullptr) {
        const auto size = request.stream->size();
        out += size ? fmt::format("Content-Length: {}\r\n", *size) : "Transfer-Encoding: chunked\r\n";
    } else if (!request.headers.has("Transfer-Encoding") &&
               (!request.body.empty() || (request.method != "GET" && request.method != "HEAD"))) {
        out += fmt::format("Content-Length: {}\r\n", request.body.size());
    }
    return out + "\r\n";
}

Async<Result<StreamPtr>> Client::Impl::connect() {
    auto dialling = dial(io, endpoint, options);
    auto limited = limit(options.deadline, "dial " + authority_of(endpoint), std::move(dialling));
    co_return co_await std::move(limited);
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

}  // namespace

Async<Result<>> Client::Impl::send_body(async::Stream& stream, BodySource& source) {
    const auto size = source.size();
    const auto deadline = options.piece_deadline.count() > 0 ? options.piece_deadline : options.deadline;
    std::uint64_t sent = 0;
    for (;;) {
        BERTH_CO_TRY(std::string piece, co_await source.next());
        const bool last = piece.empty();
        sent += piece.size();
        if (size && (sent > *size || (last && sent < *size)))
            co_return fail(ErrorKind::kInternal, "a request's body has another length than promised");
        if (!size) piece = fmt::format("{:x}\r\n", piece.size()) + piece + "\r\n";
        if (!piece.empty()) {
            auto writing = stream.write_all(piece);
            auto limited = limit(deadline, "write", std::move(writing));
            BERTH_CO_CHECK(co_await std::move(limited));
        }
        if (last) co_return Result<>();
    }
}

Async<Result<>> Client::Impl::send(async::Stream& stream, const ClientRequest& request) {
    std::string out = head(request);
    if (request.stream == nullptr) out += request.body;
    auto writing = stream.write_all(out);
    auto limited = limit(options.deadline, "write", std::move(writing));
    auto sent = co_await std::move(limited);
    if (!sent || request.stream == nullptr) co_return sent;
    sent = co_await send_body(stream, *request.stream);
    // A server that refuses an upload answers before its end.
    if (!sent && sent.error().message.find("the peer has closed") != std::string::npos) co_return Result<>();
    co_return sent;
}

Async<Result<>> Client::Impl::read_head(Incoming& in, bool no_body, bool* answered) {
    do {
        in.parser = std::make_unique<Parser>(Parser::Kind::kResponse);
        if (no_body) in.parser->expect_no_body();
        for (;;) {
            BERTH_CO_TRY(bool complete, in.parser->parse_head(in.buffer));
            if (complete) break;
            BERTH_CO_TRY(std::size_t size, co_await fill(*in.stream, in.buffer));
            if (size == 0) co_return fail(ErrorKind::kUnavailable, "EOF");
            *answered = true;
        }
    } while (in.parser->status >= 100 && in.parser->status < 200 && in.parser->status != 101);
    co_return Result<>();
}

Async<Result<Incoming>> Client::Impl::exchange_on(StreamPtr stream, const ClientRequest& request,
                                                  bool* answered) {
    Incoming in{std::move(stream), {}, nullptr};
    BERTH_CO_CHECK(co_await send(*in.stream, request));
    auto reading = read_head(in, request.method == "HEAD", answered);
    auto limited = limit(options.deadline, request.method + " " + request.target, std::move(reading));
    BERTH_CO_CHECK(co_await std::move(limited));
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

Async<Result<std::unique_ptr<async::Stream>>> Client::begin_upload(ClientRequest request) {
    if (!well_formed(request)) co_return fail(ErrorKind::kInvalidArgument, "malformed HTTP request");
    request.headers.set("Transfer-Encoding", "chunked");
    request.body.clear();
    BERTH_CO_TRY(auto stream, co_await impl_->connect());
    BERTH_CO_CHECK(co_await impl_->send(*stream, request));
    co_return stream;
}

Async<Result<ClientResponse>> Client::answer(std::unique_ptr<async::Stream> upload) {
    Incoming in{std::move(upload), {}, nullptr};
    bool answered = false;
    auto reading = impl_->read_head(in, false, &answered);
    auto limited = Impl::limit(impl_->options.deadline, "answer", std::move(reading));
    BERTH_CO_CHECK(co_await std::move(limited));
    ClientResponse out{in.parser->status, in.parser->reason, in.parser->headers, nullptr};
    out.body = std::make_unique<ResponseBody>(std::move(in), impl_->idle);
    co_return out;
}

Async<Result<ClientResponse>> Client::request(ClientRequest request) {
    BERTH_CO_TRY(auto in, co_await impl_->exchange(request));
    ClientResponse out{in.parser->status, in.parser->reason, in.parser->headers, nullptr};
    out.body = std::make_unique<ResponseBody>(std::move(in), impl_->idle);
    co_return out;
}

Async<Result<Client::Upgraded>> Client::upgrade(ClientRequest request) {
    if (!request.headers.has("Upgrade")) {
        request.headers.add("Connection", "Upgrade");
        request.headers.add("Upgrade", "tcp");
    }
    BERTH_CO_TRY(auto in, co_await impl_->exchange(request));
    Upgraded out{{in.parser->status, in.parser->reason, in.parser->headers, nullptr}, nullptr};
    if (out.head.status != 101 && out.head.status != 200) {
        auto body = std::make_unique<ResponseBody>(std::move(in), impl_->idle);
        auto text = co_await body->read_all(kErrorLimit);
        co_return fail(kind_of_status(out.head.status),
                       message_of(text ? *text : std::string(), out.head.status));
    }
    out.stream = make_prefixed_stream(std::move(in.buffer), std::move(in.stream));
    co_return out;
}

}  // namespace berth::http
