#include "engine/executor/socket_calls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/sys/descriptor_passing.h"

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
    BERTH_CHECK(in("send a descriptor", sys::send_with_descriptors(socket, text, {&fd, 1})));
    return {};
}

Result<UniqueFd> receive_descriptor(int socket) {
    char text[256];
    std::vector<UniqueFd> fds;
    BERTH_CHECK(in("receive a descriptor", sys::receive_with_descriptors(socket, text, fds)));
    if (fds.size() != 1) return fail(ErrorKind::kUnavailable, "no descriptor was sent");
    return std::move(fds[0]);
}

}  // namespace berth::executor
