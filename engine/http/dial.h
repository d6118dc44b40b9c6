#pragma once

#include "engine/http/client.h"

namespace berth::http {

// "host:port" as it stands in a Host header: without the usual port, an IPv6 address in brackets, "localhost"
// for a unix socket.
std::string authority_of(const Endpoint& endpoint);

// A connection that is ready for a request to `endpoint`: through its proxy and with TLS where they belong.
Async<Result<std::unique_ptr<async::Stream>>> dial(IoContext& io, Endpoint endpoint, ClientOptions options);

}  // namespace berth::http
