#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "engine/async/async.h"
#include "engine/http/message.h"
#include "engine/http/tls.h"

namespace berth::http {

// Where to connect: "unix:///run/berth/berth.sock", "tcp://127.0.0.1:2375", "http://host:port",
// "https://host".
struct Endpoint {
    enum class Kind { kUnix, kTcp, kTls } kind = Kind::kUnix;
    std::string path;  // kUnix
    std::string host;
    unsigned short port = 0;
    static Result<Endpoint> parse(std::string_view url);
};

// A proxy on the way to an endpoint.
struct Proxy {
    Endpoint endpoint;
    std::string authorization;  // of the Proxy-Authorization header, or ""
};

// A source of request body bytes. "" is the end.
class BodySource {
 public:
    virtual ~BodySource() = default;
    virtual Async<Result<std::string>> next() = 0;
    // How many bytes there are, sent as Content-Length; without that the body is sent chunked. A source that
    // ends elsewhere breaks the connection.
    virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
    // Begins anew, for a request that has to be sent once more; false for a source that cannot.
    virtual bool rewind() { return false; }
};

struct ClientOptions {
    // For connecting, for each piece of a body on its way out, and for the head of the answer; 0 for ever.
    std::chrono::milliseconds deadline{0};
    std::chrono::milliseconds piece_deadline{0};  // of a piece of a BodySource, if that is another one
    std::shared_ptr<const TlsContext> tls;        // nothing: the system's certificates
    std::optional<Proxy> proxy;
};

struct ClientRequest {
    std::string method = "GET";
    std::string target = "/";
    Headers headers;
    std::string body;              // sent with Content-Length, unless…
    BodySource* stream = nullptr;  // …this is set
};

// A response whose head has arrived. The body streams; dropping the object closes or reuses the connection.
struct ClientResponse {
    unsigned status = 0;
    std::string reason;
    Headers headers;
    std::unique_ptr<BodyReader> body;
};

// Keep-alive connections to one endpoint, made as needed. Used on the io thread only.
class Client {
 public:
    Client(IoContext& io, Endpoint endpoint, ClientOptions options = {});
    ~Client();

    Async<Result<ClientResponse>> request(ClientRequest request);
    // A request whose body the caller writes to the connection himself, in chunks with the last one, before
    // he asks for the answer. A server may answer, and close, before the body's end.
    Async<Result<std::unique_ptr<async::Stream>>> begin_upload(ClientRequest request);
    Async<Result<ClientResponse>> answer(std::unique_ptr<async::Stream> upload);
    // For 101 (and 200 until close) answers: the connection itself. An error status comes back as an Error
    // with the body's "message".
    struct Upgraded {
        ClientResponse head;
        std::unique_ptr<async::Stream> stream;
    };
    Async<Result<Upgraded>> upgrade(ClientRequest request);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace berth::http
