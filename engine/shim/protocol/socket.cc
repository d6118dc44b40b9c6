#include "engine/shim/protocol/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/sys/descriptor_passing.h"

namespace berth::shim {

namespace {

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail_errno("unix socket " + path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

Result<UniqueFd> new_socket() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_errno("socket");
    return socket;
}

}  // namespace

Result<SocketPair> make_socket_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
        return fail_errno("socketpair");
    }
    return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<> send_message(int socket, std::string_view bytes, int fd) {
    auto fds = std::span(&fd, fd >= 0 ? 1 : 0);
    auto sent = sys::send_with_descriptors(socket, bytes, fds, MSG_DONTWAIT);
    if (sent && *sent == bytes.size()) return {};
    if (!sent && (sent.error().sys_errno == EPIPE || sent.error().sys_errno == ECONNRESET))
        return fail(ErrorKind::kCancelled, "shim protocol: the peer is gone");
    return fail(ErrorKind::kUnavailable, "shim protocol: the peer does not read");
}

Result<bool> receive(int socket, std::string& bytes, std::vector<UniqueFd>& fds) {
    char buffer[4096];
    auto got = sys::receive_with_descriptors(socket, buffer, fds, MSG_DONTWAIT);
    if (!got && got.error().sys_errno == EAGAIN) return false;
    if (!got || *got == 0) return fail(ErrorKind::kCancelled, "shim protocol: the peer is gone");
    bytes.append(buffer, *got);
    return true;
}

Result<UniqueFd> listen_here(const std::string& name) {
    BERTH_TRY(sockaddr_un address, address_of(name));
    BERTH_TRY(UniqueFd socket, new_socket());
    mode_t before = ::umask(0177);
    int bound = ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::umask(before);
    if (bound != 0) return fail_errno("bind " + name);
    if (::listen(socket.get(), 64) != 0) return fail_errno("listen " + name);
    return socket;
}

Result<UniqueFd> connect_in(const std::string& folder, const std::string& name) {
    BERTH_TRY(UniqueFd directory, open_file(folder, O_PATH | O_DIRECTORY));
    BERTH_TRY(sockaddr_un address,
              address_of("/proc/self/fd/" + std::to_string(directory.get()) + "/" + name));
    BERTH_TRY(UniqueFd socket, new_socket());
    // A unix socket connects at once or not at all; a full backlog says EAGAIN.
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return socket;
    if (errno == ECONNREFUSED || errno == ENOENT) {
        return fail(ErrorKind::kUnavailable, "connect " + folder + "/" + name + ": nobody listens");
    }
    return fail_errno("connect " + folder + "/" + name);
}

Result<> check_peer(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail_errno("peer credentials");
    if (peer.uid != ::geteuid()) return fail(ErrorKind::kForbidden, "the peer is another user");
    return {};
}

}  // namespace berth::shim
