#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

#include "engine/async/socket_stream.h"
#include "engine/async/unix_address.h"

namespace berth::async {

namespace {

const sockaddr* generic(const void* address) {
    return static_cast<const sockaddr*>(address);
}

Result<UniqueFd> stream_socket(int domain) {
    UniqueFd out(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!out) return fail_errno("socket");
    return out;
}

// Whether somebody listens there.
bool answers(const UnixAddress& address) {
    auto probe = stream_socket(AF_UNIX);
    if (!probe) return false;
    int done = ::connect(probe->get(), generic(&address.name), address.size);
    return done == 0 || errno == EAGAIN;
}

Result<> clear_stale(const std::string& path, const UnixAddress& address) {
    struct stat found;
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return {};
        return fail_errno("stat " + path);
    }
    if (!S_ISSOCK(found.st_mode)) return fail(ErrorKind::kConflict, path + " exists and is not a socket");
    if (answers(address)) return fail(ErrorKind::kConflict, "another process listens on " + path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("remove " + path);
    return {};
}

Result<sockaddr_storage> parse_tcp(const std::string& address, socklen_t& size) {
    auto colon = address.rfind(':');
    auto wrong = [&] { return fail(ErrorKind::kInvalidArgument, "invalid listen address: " + address); };
    if (colon == std::string::npos) return wrong();
    unsigned short port = 0;
    const char* end = address.data() + address.size();
    auto [rest, error] = std::from_chars(address.data() + colon + 1, end, port);
    if (error != std::errc() || rest != end) return wrong();
    sockaddr_storage out{};
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        size = sizeof v6;
        if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1)
            return wrong();
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(out);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        size = sizeof v4;
        if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return wrong();
    }
    return out;
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, unsigned mode, int gid) {
    BERTH_TRY(auto address, UnixAddress::of(path));
    BERTH_CHECK(clear_stale(path, address));
    BERTH_TRY(auto socket, stream_socket(AF_UNIX));
    // Linux gives the file the socket's mode (less the umask): nobody can connect before it is what it shall
    // be.
    if (::fchmod(socket.get(), 0600) != 0) return fail_errno("chmod " + path);
    if (::bind(socket.get(), generic(&address.name), address.size) != 0) return fail_errno("bind " + path);
    bool done = (gid < 0 || ::lchown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(gid)) == 0) &&
                ::chmod(path.c_str(), mode) == 0 && ::listen(socket.get(), SOMAXCONN) == 0;
    if (!done) {
        auto error = fail_errno("listen on " + path);
        ::unlink(path.c_str());
        return error;
    }
    return socket;
}

Result<UniqueFd> listen_tcp(const std::string& address) {
    socklen_t size = 0;
    BERTH_TRY(auto name, parse_tcp(address, size));
    BERTH_TRY(auto socket, stream_socket(name.ss_family));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), generic(&name), size) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
        return fail_errno("listen tcp " + address);
    }
    return socket;
}

Result<unsigned short> local_port(int fd) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return fail_errno("getsockname");
    if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(name).sin6_port);
    if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(name).sin_port);
    return fail(ErrorKind::kInvalidArgument, "not a TCP socket");
}

}  // namespace berth::async
