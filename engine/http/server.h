#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/async/async.h"
#include "engine/base/unique_fd.h"
#include "engine/http/message.h"

namespace berth::http {

// One way to answer per request: send(), or begin()/write()/end(), or hijack(). Headers common to all
// responses (Date) are added here; the rest is the caller's.
class Responder {
 public:
    virtual ~Responder() = default;

    // A whole response with Content-Length. HEAD requests get the headers alone.
    virtual Async<Result<>> send(unsigned status, Headers headers, std::string body) = 0;
    // A chunked response (or one until close, for HTTP/1.0). The head is flushed at once.
    virtual Async<Result<>> begin(unsigned status, Headers headers) = 0;
    // Returns when the bytes, which stay the caller's, are in the socket: a slow client is felt here.
    // kCancelled once the client is gone.
    virtual Async<Result<>> write(std::string_view bytes) = 0;
    virtual Async<Result<>> end() = 0;
    // After begin(): the socket, for somebody else to write the body's chunks to before end(); none where
    // that cannot be (TLS, HTTP/1.0, HEAD).
    virtual UniqueFd chunk_socket() { return {}; }
    // Sends `head` verbatim ("HTTP/1.1 101 UPGRADED\r\n…\r\n\r\n") and hands over the connection; bytes the
    // client sent early come out of the stream first.
    virtual Async<Result<std::unique_ptr<async::Stream>>> hijack(std::string head) = 0;
    // Whether a head has been sent; after that an error can only end the connection.
    virtual bool started() const = 0;
    // Returns when the client has closed its side or the connection broke; cancelled with the exchange. For
    // waits, logs and events: race it against the wait. Not to be used by attach or exec.
    virtual Async<void> client_gone() = 0;
};

class TlsServer;

// Answers one request. An exception ends the connection and is logged.
using Handler = std::function<Async<void>(Request& request, Responder& responder)>;

// Listens and serves; each connection is one coroutine. Everything runs on `io`.
class Server {
 public:
    Server(IoContext& io, Handler handler);
    ~Server();

    // A socket file with this mode and group (-1: ours). A stale file is replaced, a live one is kConflict.
    Result<> listen_unix(const std::string& path, unsigned mode, int gid);
    // `address` is "127.0.0.1:2375" or "[::1]:2375"; port 0 picks one. Returns the port.
    // With `tls`, clients speak that.
    Result<unsigned short> listen_tcp(const std::string& address, std::shared_ptr<const TlsServer> tls = {});
    // A listening socket that somebody else made (systemd); it is the server's from now on.
    Result<> listen_fd(UniqueFd socket, std::shared_ptr<const TlsServer> tls = {});
    // Stops accepting, closes idle connections, and ends the others once their response is out or `deadline`
    // seconds have passed.
    Async<void> drain(unsigned deadline_seconds);

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace berth::http
