#pragma once

#include <memory>
#include <string>

#include "engine/async/async.h"
#include "engine/http/message.h"

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

// A source of request body bytes, for uploads of unknown length (sent chunked). "" is the end.
class BodySource {
 public:
    virtual ~BodySource() = default;
    virtual Async<Result<std::string>> next() = 0;
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

// Keep-alive connections to one endpoint, made as needed. Used on the io thread only. A deadline in seconds
// covers connecting and waiting for the response head; 0 means none.
class Client {
 public:
    Client(IoContext& io, Endpoint endpoint, unsigned head_deadline_seconds = 0);
    ~Client();

    Async<Result<ClientResponse>> request(ClientRequest request);
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
