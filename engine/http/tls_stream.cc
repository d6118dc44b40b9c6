#include "engine/http/tls_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "engine/http/tls_context.h"

namespace berth::http {

namespace {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
std::string verdict_text(long verdict) {
    switch (verdict) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "certificate signed by unknown authority";
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "certificate has expired or is not yet valid";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "certificate is not valid for this host";
        default:
            return X509_verify_cert_error_string(verdict);
    }
}

std::string why(const SSL* ssl) {
    const bool verifies = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
    if (long verdict = SSL_get_verify_result(ssl); verifies && verdict != X509_V_OK)
        return "failed to verify certificate: x509: " + verdict_text(verdict);
    char text[256];
    unsigned long code = ERR_get_error();
    if (code == 0) return "the peer has closed the connection";
    ERR_error_string_n(code, text, sizeof text);
    return text;
}

// OpenSSL reads from and writes to memory; this object carries the bytes between that memory and the stream
// below.
class TlsStream final : public async::Stream {
 public:
    TlsStream(std::unique_ptr<async::Stream> below, SSL* ssl, std::shared_ptr<const TlsContext> context)
        : below_(std::move(below)), context_(std::move(context)), ssl_(ssl) {
        from_peer_ = BIO_new(BIO_s_mem());
        to_peer_ = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_.get(), from_peer_, to_peer_);
    }
    ~TlsStream() override { close(); }

    Async<Result<>> handshake() {
        for (;;) {
            ERR_clear_error();
            const int done = SSL_do_handshake(ssl_.get());
            const int error = SSL_get_error(ssl_.get(), done);
            BERTH_CO_CHECK(co_await flush());
            if (done == 1) co_return Result<>();
            if (error != SSL_ERROR_WANT_READ)
                co_return fail(ErrorKind::kUnavailable, "tls: " + why(ssl_.get()));
            BERTH_CO_TRY(std::size_t size, co_await feed());
            if (size == 0) co_return fail(ErrorKind::kUnavailable, "tls: the peer has closed the connection");
            if (std::string_view(buffer_.data(), size).starts_with("HTTP/"))
                co_return fail(ErrorKind::kUnavailable, "http: server gave HTTP response to HTTPS client");
        }
    }

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        for (;;) {
            ERR_clear_error();
            std::size_t size = 0;
            const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
            const int error = SSL_get_error(ssl_.get(), done);
            BERTH_CO_CHECK(co_await flush());
            if (done == 1) co_return size;
            if (error == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
            if (error != SSL_ERROR_WANT_READ)
                co_return fail(ErrorKind::kUnavailable, "tls: " + why(ssl_.get()));
            BERTH_CO_TRY(std::size_t received, co_await feed());
            // An end without close_notify may be somebody cutting the body short.
            if (received == 0) co_return fail(ErrorKind::kUnavailable, "tls: unexpected EOF");
        }
    }

    Async<Result<>> write_all(std::string_view bytes) override {
        if (!bytes.empty()) {
            ERR_clear_error();
            std::size_t size = 0;
            if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &size) != 1 || size != bytes.size()) {
                co_return fail(ErrorKind::kUnavailable, "tls: " + why(ssl_.get()));
            }
        }
        BERTH_CO_CHECK(co_await flush());
        co_return Result<>();
    }

    // A close_notify would need a write that nobody waits for; the end of the stream below says the same.
    void shutdown_write() override { below_->shutdown_write(); }
    void close() override { below_->close(); }

 private:
    Async<Result<std::size_t>> feed() {
        auto size = co_await below_->read_some(buffer_);
        if (size) BIO_write(from_peer_, buffer_.data(), static_cast<int>(*size));
        co_return size;
    }
    Async<Result<>> flush() {
        char* data = nullptr;
        const long size = BIO_get_mem_data(to_peer_, &data);
        if (size <= 0) co_return Result<>();
        std::string out(data, static_cast<std::size_t>(size));
        (void)BIO_reset(to_peer_);
        BERTH_CO_CHECK(co_await below_->write_all(out));
        co_return Result<>();
    }

    std::unique_ptr<async::Stream> below_;
    std::shared_ptr<const TlsContext> context_;
    std::unique_ptr<SSL, FreeSsl> ssl_;
    BIO* from_peer_;
    BIO* to_peer_;
    std::array<char, 64 << 10> buffer_;
};

bool is_address(const std::string& host) {
    return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

Async<Result<std::unique_ptr<async::Stream>>> connect_tls(std::unique_ptr<async::Stream> below,
                                                          std::string host,
                                                          std::shared_ptr<const TlsContext> context) {
    const TlsContext* used = context ? context.get() : system_tls_context();
    SSL* ssl = used == nullptr ? nullptr : SSL_new(used->context.get());
    if (ssl == nullptr) co_return fail(ErrorKind::kInternal, "tls: cannot be set up");
    auto stream = std::make_unique<TlsStream>(std::move(below), ssl, std::move(context));
    if (is_address(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    } else {
        SSL_set1_host(ssl, host.c_str());
        SSL_set_tlsext_host_name(ssl, host.c_str());
    }
    SSL_set_connect_state(ssl);
    BERTH_CO_CHECK(co_await stream->handshake());
    co_return std::move(stream);
}

namespace {

std::string pem_of(X509* certificate) {
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string out(data, static_cast<std::size_t>(std::max(size, 0L)));
    BIO_free(memory);
    return out;
}

std::string common_name(X509* certificate) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return "";
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return "";
    std::string out(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return out;
}

// Only where the server asked for a certificate, and so has verified it.
std::shared_ptr<const Peer> peer_of(SSL* ssl) {
    const std::unique_ptr<X509, FreeX509> own(SSL_get1_peer_certificate(ssl));
    if (!own) return nullptr;
    auto out = std::make_shared<Peer>();
    out->name = common_name(own.get());
    out->certificates.push_back(pem_of(own.get()));
    // On a server's side the chain is without the client's own.
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i)
        out->certificates.push_back(pem_of(sk_X509_value(chain, i)));
    return out;
}

}  // namespace

Async<Result<AcceptedClient>> accept_tls(std::unique_ptr<async::Stream> below, SSL_CTX* context) {
    SSL* ssl = SSL_new(context);
    if (ssl == nullptr) co_return fail(ErrorKind::kInternal, "tls: cannot be set up");
    async::Stream& plain = *below;
    auto stream = std::make_unique<TlsStream>(std::move(below), ssl, nullptr);
    SSL_set_accept_state(ssl);
    auto done = co_await stream->handshake();
    if (done) {
        auto peer = peer_of(ssl);
        co_return AcceptedClient{std::move(stream), std::move(peer)};
    }
    if (done.error().message.find("http request") != std::string::npos) {
        constexpr std::string_view kAnswer =
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        (void)co_await plain.write_all(kAnswer);
        plain.shutdown_write();
    }
    co_return Failure(std::move(done.error()));
}

}  // namespace berth::http
