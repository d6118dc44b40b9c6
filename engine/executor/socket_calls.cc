#include "engine/executor/socket_calls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"

namespace berth::executor {

Result<UniqueFd> connect_unix(const std::string& path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string name = path;
    UniqueFd file;
    if (name.size() >= sizeof address.sun_path) {
        BERTH_TRY(file, open_file(path, O_PATH));
        name = "/proc/self/fd/" + std::to_string(file.get());
    }
    std::memcpy(address.sun_path, name.data(), name.size());
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("connect to " + path);
    return socket;
}

Result<> send_descriptor(int socket, int fd, const std::string& text) {
    iovec content{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return fail_errno("send a descriptor");
    return {};
}

Result<UniqueFd> receive_descriptor(int socket) {
    char text[256];
    iovec content{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = 0;
    do {
        got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("receive a descriptor");
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    bool right =
        header != nullptr && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int));
    if (!right) return fail(ErrorKind::kUnavailable, "no descriptor was sent");
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return UniqueFd(fd);
}

}  // namespace berth::executor
