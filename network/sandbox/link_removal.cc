#include "network/sandbox/link_removal.h"

#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>

#include "engine/base/unique_fd.h"
#include "engine/sys/netlink.h"
#include "network/sandbox/link.h"

namespace berth::network {
namespace {

constexpr long kFirstLookNs = 100'000, kLongestPauseNs = 5'000'000;

struct Removal {
    sys::NetlinkSocket socket;
    int index = 0;
    UniqueFd ended;
    Result<> result;  // the thread's until `ended` is readable
};

void remove(const std::shared_ptr<Removal>& removal) {
    removal->result = delete_link(removal->socket, removal->index);
    const std::uint64_t one = 1;
    (void)!::write(removal->ended.get(), &one, sizeof one);
}

// Asks without the kernel's lock on links, which the removal holds to its end.
bool is_listed(const UniqueFd& any, int index) {
    ifreq request{};
    request.ifr_ifindex = index;
    return ::ioctl(any.get(), SIOCGIFNAME, &request) == 0 || errno != ENODEV;
}

}  // namespace

Result<> remove_link(int index) {
    UniqueFd any(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!any) return fail_errno("create socket");
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    UniqueFd ended(::eventfd(0, EFD_CLOEXEC));
    if (!ended) return fail_errno("eventfd");
    const auto removal = std::make_shared<Removal>(Removal{std::move(socket), index, std::move(ended), {}});
    std::thread(remove, removal).detach();
    pollfd end{.fd = removal->ended.get(), .events = POLLIN, .revents = 0};
    for (long pause = kFirstLookNs;; pause = std::min(pause * 3 / 2, kLongestPauseNs)) {
        const timespec wait{.tv_sec = 0, .tv_nsec = pause};
        if (::ppoll(&end, 1, &wait, nullptr) < 0 && errno != EINTR) return fail_errno("poll");
        if (end.revents != 0) break;
        if (!is_listed(any, index)) return {};
    }
    if (!removal->result && removal->result.error().sys_errno == ENODEV) return {};
    return removal->result;
}

}  // namespace berth::network
