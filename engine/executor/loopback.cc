#include "engine/executor/loopback.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "engine/base/unique_fd.h"

namespace berth::executor {

Result<> bring_up_loopback() {
    UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // A kernel without IPv4 has no other way here, and nothing to reach by it.
    if (!socket) return {};
    ifreq request = {.ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {.ifru_flags = IFF_UP}};
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return fail_errno("bring up the loopback");
    return {};
}

}  // namespace berth::executor
