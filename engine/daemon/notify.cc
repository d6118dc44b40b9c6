#include "engine/daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "engine/base/log.h"
#include "engine/base/unique_fd.h"

namespace berth::daemon {

// The protocol is a datagram of KEY=VALUE lines; a leading @ stands for the abstract namespace's zero byte.
void notify_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::size_t size = std::strlen(path);
    if (size >= sizeof name.sun_path) return;
    std::memcpy(name.sun_path, path, size);
    if (path[0] == '@') name.sun_path[0] = '\0';
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    if (::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&name),
                 length) < 0) {
        log::warning("cannot notify the service manager", {{"error", std::strerror(errno)}});
    }
}

}  // namespace berth::daemon
