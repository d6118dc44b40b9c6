#pragma once

#include <memory>
#include <string>

#include "engine/async/stream.h"
#include "engine/http/message.h"
#include "engine/http/tls.h"

struct ssl_ctx_st;

namespace berth::http {

// TLS as a client on top of a connected stream: at least TLS 1.2, and `host` (a name or an address) must be
// who the certificate speaks for. `context` as make_tls_context() gave it; nothing: the system's
// certificates. Errors are Go's, as Docker's users know them: "tls: failed to verify certificate: x509:
// certificate signed by unknown authority", "http: server gave HTTP response to HTTPS client".
Async<Result<std::unique_ptr<async::Stream>>> connect_tls(std::unique_ptr<async::Stream> below,
                                                          std::string host,
                                                          std::shared_ptr<const TlsContext> context);

// A client that was let in, and who it is.
struct AcceptedClient {
    std::unique_ptr<async::Stream> stream;
    std::shared_ptr<const Peer> peer;  // null if it showed no certificate
};

// The other side of it, with a server's context. A client that speaks plain HTTP gets an answer in its own
// language before the error.
Async<Result<AcceptedClient>> accept_tls(std::unique_ptr<async::Stream> below, ssl_ctx_st* context);

}  // namespace berth::http
