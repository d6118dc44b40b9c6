#pragma once

#include <memory>

#include "engine/async/stream.h"
#include "engine/base/unique_fd.h"

namespace berth::async {

// A Stream over a connected stream socket (unix or TCP), which it owns and makes non-blocking. SIGPIPE is not
// raised. A write to a peer that has gone is kCancelled.
std::unique_ptr<Stream> make_socket_stream(IoContext& io, UniqueFd socket);

// Connected sockets. Paths longer than sun_path holds are fine.
Async<Result<UniqueFd>> connect_unix(IoContext& io, std::string path);
// Names are resolved off the io thread; the addresses are tried one after the other.
Async<Result<UniqueFd>> connect_tcp(IoContext& io, std::string host, unsigned short port);

// Listening sockets (SOCK_STREAM, O_CLOEXEC). A stale socket file is replaced, one that answers is kConflict;
// the file has its mode and group before anybody can connect.
Result<UniqueFd> listen_unix(const std::string& path, unsigned mode, int gid);
// `address`: "127.0.0.1:2375", "[::1]:0". A name is refused.
Result<UniqueFd> listen_tcp(const std::string& address);
// The port a TCP socket is bound to.
Result<unsigned short> local_port(int fd);

// Connections as they come. Running out of descriptors is waited out, not an error.
class Listener {
 public:
    Listener(IoContext& io, UniqueFd listening);
    ~Listener();
    // kCancelled once the listener is closed.
    Async<Result<UniqueFd>> accept();
    void close();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace berth::async
