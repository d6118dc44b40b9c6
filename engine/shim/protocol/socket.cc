#include "engine/shim/protocol/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"

namespace berth::shim {

namespace {

constexpr std::size_t kMaxDescriptors = 8;

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
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent == static_cast<ssize_t>(bytes.size())) return {};
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        return fail(ErrorKind::kCancelled, "shim protocol: the peer is gone");
    }
    return fail(ErrorKind::kUnavailable, "shim protocol: the peer does not read");
}

Result<bool> receive(int socket, std::string& bytes, std::vector<UniqueFd>& fds) {
    char buffer[4096];
    iovec part{buffer, sizeof buffer};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = 0;
    do {
        got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (got <= 0) return fail(ErrorKind::kCancelled, "shim protocol: the peer is gone");
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
    bytes.append(buffer, static_cast<std::size_t>(got));
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
