#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "engine/base/unique_fd.h"
#include "engine/logs/driver_options.h"

struct ssl_st;

namespace berth::logs {

// A connection to a log server: UDP, TCP, TLS or a socket file. Blocking, each call for no longer than the
// limit.
class Connection {
 public:
    // Texts are Go's: dial tcp 127.0.0.1:24224: connect: connection refused.
    static Result<std::unique_ptr<Connection>> dial(const Address& address, const TlsFiles& tls,
                                                    std::chrono::milliseconds limit);
    ~Connection();

    Result<> send(std::string_view bytes);
    // Some bytes that the server sent; its end is an error.
    Result<std::string> receive();

 private:
    explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}
    Result<> secure(const std::string& host, const TlsFiles& tls);

    UniqueFd socket_;
    ssl_st* ssl_ = nullptr;
};

}  // namespace berth::logs
