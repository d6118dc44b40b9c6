#include "engine/logs/remote/connection.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace berth::logs {

namespace {

constexpr std::chrono::milliseconds kConnectLimit{5000};

void set_limit(int socket, std::chrono::milliseconds limit) {
    const timeval time{limit.count() / 1000, limit.count() % 1000 * 1000};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

std::string phrase_of(const Address& address) {
    const bool file = address.scheme.starts_with("unix");
    const std::string host =
        address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
    return "dial " + address.scheme + " " + (file ? address.path : host + ":" + std::to_string(address.port));
}

Result<UniqueFd> open_socket(int family, int type, const sockaddr* name, socklen_t size,
                             const std::string& phrase) {
    UniqueFd socket(::socket(family, type | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno(phrase + ": socket");
    // The limit of sending covers connect(2) as well.
    set_limit(socket.get(), kConnectLimit);
    if (::connect(socket.get(), name, size) != 0) return fail_errno(phrase + ": connect");
    return socket;
}

Result<UniqueFd> connect_file(const std::string& path, int type, const std::string& phrase) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
        return fail(ErrorKind::kInvalidArgument, phrase + ": the path is too long");
    std::memcpy(name.sun_path, path.c_str(), path.size());
    return open_socket(AF_UNIX, type, reinterpret_cast<const sockaddr*>(&name), sizeof name, phrase);
}

Result<UniqueFd> connect_host(const Address& address, const std::string& phrase) {
    addrinfo hints{};
    hints.ai_socktype = address.scheme == "udp" ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(address.port),
                      host = address.host.empty() ? "127.0.0.1" : address.host;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
        return fail(ErrorKind::kUnavailable, phrase + ": lookup " + host + ": " + ::gai_strerror(error));
    Result<UniqueFd> out = fail(ErrorKind::kUnavailable, phrase + ": no address");
    for (const addrinfo* one = found; one != nullptr && !out; one = one->ai_next)
        out = open_socket(one->ai_family, one->ai_socktype, one->ai_addr, one->ai_addrlen, phrase);
    ::freeaddrinfo(found);
    return out;
}

// The syslog of this host, wherever it listens.
Result<UniqueFd> connect_local() {
    for (const char* path : {"/dev/log", "/var/run/syslog", "/var/run/log"}) {
        for (int type : {SOCK_DGRAM, SOCK_STREAM}) {
            if (auto socket = connect_file(path, type, "dial"); socket) return socket;
        }
    }
    return fail(ErrorKind::kUnavailable, "unix syslog delivery error");
}

Result<UniqueFd> connect_to(const Address& address) {
    if (address.scheme.empty()) return connect_local();
    const std::string phrase = phrase_of(address);
    if (address.scheme == "unix") return connect_file(address.path, SOCK_STREAM, phrase);
    if (address.scheme == "unixgram") return connect_file(address.path, SOCK_DGRAM, phrase);
    return connect_host(address, phrase);
}

std::string tls_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason == nullptr ? "the peer has closed the connection" : reason;
}

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

Result<ContextPtr> make_context(const TlsFiles& files) {
    ContextPtr context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail(ErrorKind::kInternal, "tls: " + tls_error());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_default_verify_paths(context.get());
    if (!files.authority.empty() && SSL_CTX_load_verify_file(context.get(), files.authority.c_str()) != 1)
        return fail(ErrorKind::kInvalidArgument,
                    "could not read CA certificate \"" + files.authority + "\": " + tls_error());
    if (files.verify) SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (files.certificate.empty() && files.key.empty()) return context;
    const bool loaded =
        SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) == 1 &&
        SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(context.get()) == 1;
    if (!loaded) return fail(ErrorKind::kInvalidArgument, "could not load X509 key pair: " + tls_error());
    return context;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::dial(const Address& address, const TlsFiles& tls,
                                                     std::chrono::milliseconds limit) {
    BERTH_TRY(auto socket, connect_to(address));
    std::unique_ptr<Connection> out(new Connection(std::move(socket)));
    if (address.scheme == "tcp+tls" || address.scheme == "tls")
        BERTH_CHECK(in(phrase_of(address), out->secure(address.host, tls)));
    set_limit(out->socket_.get(), limit);
    return out;
}

Connection::~Connection() {
    SSL_free(ssl_);
}

Result<> Connection::secure(const std::string& host, const TlsFiles& tls) {
    BERTH_TRY(auto context, make_context(tls));
    ssl_ = SSL_new(context.get());
    if (ssl_ == nullptr) return fail(ErrorKind::kInternal, "tls: " + tls_error());
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) != 1) {
        SSL_set1_host(ssl_, host.c_str());
        SSL_set_tlsext_host_name(ssl_, host.c_str());
    }
    SSL_set_fd(ssl_, socket_.get());
    ERR_clear_error();
    if (SSL_connect(ssl_) == 1) return {};
    if (const long verdict = SSL_get_verify_result(ssl_); tls.verify && verdict != X509_V_OK)
        return fail(ErrorKind::kUnavailable, std::string("tls: failed to verify certificate: x509: ") +
                                                 X509_verify_cert_error_string(verdict));
    return fail(ErrorKind::kUnavailable, "tls: " + tls_error());
}

Result<> Connection::send(std::string_view bytes) {
    if (ssl_ != nullptr) {
        std::size_t size = 0;
        ERR_clear_error();
        // Without partial writes it is all or nothing.
        if (bytes.empty() || SSL_write_ex(ssl_, bytes.data(), bytes.size(), &size) == 1) return {};
        return fail(ErrorKind::kUnavailable, "write to the log server: tls: " + tls_error());
    }
    for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t done = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return fail_errno("write to the log server");
        sent += static_cast<std::size_t>(done);
    }
    return {};
}

Result<std::string> Connection::receive() {
    char buffer[4096];
    for (;;) {
        std::size_t size = 0;
        if (ssl_ != nullptr) {
            if (SSL_read_ex(ssl_, buffer, sizeof buffer, &size) != 1)
                return fail(ErrorKind::kUnavailable, "read from the log server: tls: " + tls_error());
            return std::string(buffer, size);
        }
        const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read from the log server");
        if (got == 0) return fail(ErrorKind::kUnavailable, "read from the log server: EOF");
        return std::string(buffer, static_cast<std::size_t>(got));
    }
}

}  // namespace berth::logs
