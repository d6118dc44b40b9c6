#pragma once

#include <openssl/ssl.h>

#include "engine/http/tls.h"

namespace berth::http {

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeX509 {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

class TlsContext {
 public:
    struct Shown {
        std::unique_ptr<X509, FreeX509> certificate;
        std::unique_ptr<EVP_PKEY, FreeKey> key;
    };

    std::unique_ptr<SSL_CTX, FreeContext> context;
    std::vector<Shown> shown;
};

// One with the system's certificates and nothing else, made once: loading them takes milliseconds. Null when
// OpenSSL cannot be set up.
const TlsContext* system_tls_context();

}  // namespace berth::http
