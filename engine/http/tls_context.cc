#include "engine/http/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace berth::http {

namespace {

std::string openssl_error() {
    char text[256];
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "unknown error";
    ERR_error_string_n(code, text, sizeof text);
    return text;
}

struct FreeBio {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Failure unreadable(const std::string& path) {
    return fail(ErrorKind::kInvalidArgument, "open " + path + ": " + openssl_error());
}

bool is_issued_by(X509* certificate, const X509_NAME* authority) {
    return X509_NAME_cmp(X509_get_issuer_name(certificate), authority) == 0;
}

const TlsContext::Shown& choose(const TlsContext& own, const STACK_OF(X509_NAME) * authorities) {
    for (int i = 0; i < sk_X509_NAME_num(authorities); ++i) {
        for (const auto& shown : own.shown) {
            if (is_issued_by(shown.certificate.get(), sk_X509_NAME_value(authorities, i))) return shown;
        }
    }
    return own.shown.front();
}

// Called by OpenSSL when a server asks for a certificate.
int show_certificate(SSL* ssl, void* argument) {
    const auto& own = *static_cast<const TlsContext*>(argument);
    const auto& shown = choose(own, SSL_get0_peer_CA_list(ssl));
    return SSL_use_certificate(ssl, shown.certificate.get()) == 1 &&
                   SSL_use_PrivateKey(ssl, shown.key.get()) == 1
               ? 1
               : 0;
}

Result<TlsContext::Shown> read_pair(const TlsSettings::Pair& pair) {
    TlsContext::Shown out;
    Bio certificate(BIO_new_file(pair.certificate.c_str(), "re"));
    if (certificate) out.certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    if (!out.certificate) return unreadable(pair.certificate);
    Bio key(BIO_new_file(pair.key.c_str(), "re"));
    // Without a callback OpenSSL would ask a terminal for the passphrase of a locked key.
    auto no_passphrase = [](char*, int, int, void*) { return 0; };
    if (key) out.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_passphrase, nullptr));
    if (!out.key) return unreadable(pair.key);
    if (X509_check_private_key(out.certificate.get(), out.key.get()) != 1) {
        ERR_clear_error();
        return fail(ErrorKind::kInvalidArgument,
                    "tls: private key " + pair.key + " does not belong to " + pair.certificate);
    }
    return out;
}

std::unique_ptr<SSL_CTX, FreeContext> new_context() {
    std::unique_ptr<SSL_CTX, FreeContext> made(SSL_CTX_new(TLS_client_method()));
    if (!made) return made;
    SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_verify_paths(made.get());
    return made;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> make_tls_context(const TlsSettings& settings) {
    auto out = std::make_shared<TlsContext>();
    out->context = new_context();
    if (!out->context) return fail(ErrorKind::kInternal, "tls: " + openssl_error());
    if (!settings.verify) SSL_CTX_set_verify(out->context.get(), SSL_VERIFY_NONE, nullptr);
    for (const auto& path : settings.authorities) {
        if (SSL_CTX_load_verify_locations(out->context.get(), path.c_str(), nullptr) != 1)
            return unreadable(path);
    }
    for (const auto& pair : settings.certificates) {
        BERTH_TRY(auto shown, read_pair(pair));
        out->shown.push_back(std::move(shown));
    }
    if (!out->shown.empty()) SSL_CTX_set_cert_cb(out->context.get(), show_certificate, out.get());
    return std::shared_ptr<const TlsContext>(std::move(out));
}

const TlsContext* system_tls_context() {
    static const TlsContext context{new_context(), {}};
    return context.context ? &context : nullptr;
}

}  // namespace berth::http
