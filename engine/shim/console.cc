#include "engine/shim/console.h"

#include <sys/socket.h>
#include <unistd.h>

#include "engine/shim/protocol/socket.h"
#include "engine/shim/stdio.h"

namespace berth::shim {

Result<ConsoleSocket> ConsoleSocket::listen(std::string name) {
    BERTH_TRY(UniqueFd socket, listen_here(name));
    return ConsoleSocket(std::move(socket), std::move(name));
}

ConsoleSocket::~ConsoleSocket() {
    if (listening_) ::unlink(name_.c_str());
}

Result<UniqueFd> ConsoleSocket::receive_master() {
    UniqueFd peer(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) return fail_errno("the runtime sent no terminal");
    std::string name;
    std::vector<UniqueFd> fds;
    BERTH_TRY(bool got, receive(peer.get(), name, fds));
    if (!got || fds.empty()) return fail(ErrorKind::kInternal, "the runtime sent no terminal");
    BERTH_CHECK(set_nonblocking(fds.front().get()));
    return std::move(fds.front());
}

}  // namespace berth::shim
