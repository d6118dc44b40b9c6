#pragma once

#include <memory>
#include <string>

#include "engine/async/stream.h"
#include "engine/base/result.h"
#include "engine/http/tls_stream.h"

struct ssl_ctx_st;

namespace berth::http {

// A server's certificate, and whom it lets in. All files are PEM. Not reloaded.
class TlsServer {
 public:
    struct Files {
        std::string certificate, key;
        std::string authority;  // whose client certificates are taken; "": clients need none
    };
    // Blocking. Texts as dockerd's: Could not load X509 key pair (cert: "…", key: "…"): …
    static Result<std::shared_ptr<const TlsServer>> load(const Files& files);
    ~TlsServer();

    // The handshake on a connection, and the stream on top of it. At least TLS 1.2. Who speaks plain HTTP is
    // told so.
    Async<Result<AcceptedClient>> accept(std::unique_ptr<async::Stream> below) const;

 private:
    explicit TlsServer(ssl_ctx_st* context) : context_(context) {}
    ssl_ctx_st* context_;
};

}  // namespace berth::http
