#include "engine/http/tls_server.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "engine/base/files.h"

namespace berth::http {

namespace {

std::string openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason == nullptr ? "unknown error" : reason;
}

Result<> readable(const std::string& path) {
    // As Go words it for an empty name as well.
    if (path.empty()) return fail(ErrorKind::kInvalidArgument, "open : no such file or directory");
    BERTH_CHECK(read_file(path, 1 << 20));
    return {};
}

// An encrypted key would ask for its password on the terminal.
int no_password(char*, int, int, void*) {
    return 0;
}

Result<> load_pair(SSL_CTX* context, const TlsServer::Files& files) {
    auto phrase =
        fmt::format("Could not load X509 key pair (cert: \"{}\", key: \"{}\")", files.certificate, files.key);
    BERTH_CHECK(in(phrase, readable(files.certificate)));
    BERTH_CHECK(in(phrase, readable(files.key)));
    SSL_CTX_set_default_passwd_cb(context, no_password);
    const bool loaded = SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) == 1 &&
                        SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
                        SSL_CTX_check_private_key(context) == 1;
    if (!loaded) return fail(ErrorKind::kInvalidArgument, phrase + ": tls: " + openssl_error());
    return {};
}

Result<> load_authority(SSL_CTX* context, const std::string& path) {
    const std::string phrase = fmt::format("could not read CA certificate \"{}\"", path);
    BERTH_CHECK(in(phrase, readable(path)));
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(path.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, path.c_str()) != 1)
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("failed to append certificates from PEM file: \"{}\"", path));
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return {};
}

}  // namespace

Result<std::shared_ptr<const TlsServer>> TlsServer::load(const Files& files) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) return fail(ErrorKind::kInternal, "tls: " + openssl_error());
    std::shared_ptr<const TlsServer> server(new TlsServer(context));
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // A session that is taken up again would need a context of its own to be verified in.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    BERTH_CHECK(load_pair(context, files));
    if (!files.authority.empty()) BERTH_CHECK(load_authority(context, files.authority));
    return server;
}

TlsServer::~TlsServer() {
    SSL_CTX_free(context_);
}

Async<Result<AcceptedClient>> TlsServer::accept(std::unique_ptr<async::Stream> below) const {
    return accept_tls(std::move(below), context_);
}

}  // namespace berth::http
