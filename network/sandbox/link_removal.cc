#include "network/sandbox/link_removal.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>

#include "engine/base/unique_fd.h"
#include "engine/sys/netlink.h"
#include "network/sandbox/link.h"

namespace berth::network {
namespace {

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

// Whether the kernel tells that the link is gone; reads all that is there.
bool told_gone(int events, int index) {
    bool gone = false;
    alignas(nlmsghdr) std::array<char, 16 << 10> buffer;
    for (;;) {
        const ssize_t got = ::recv(events, buffer.data(), buffer.size(), 0);
        if (got < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
        if (got <= 0) return gone;
        nlmsghdr header;
        ifinfomsg info;
        if (got < static_cast<ssize_t>(NLMSG_HDRLEN + sizeof info)) continue;
        std::memcpy(&header, buffer.data(), sizeof header);
        std::memcpy(&info, buffer.data() + NLMSG_HDRLEN, sizeof info);
        // A bridge's own port goes with RTM_DELLINK of another family before.
        gone = gone ||
               (header.nlmsg_type == RTM_DELLINK && info.ifi_family == AF_UNSPEC && info.ifi_index == index);
    }
}

}  // namespace

Result<> remove_link(int index) {
    BERTH_TRY(const auto events, sys::listen_to_netlink(NETLINK_ROUTE, RTNLGRP_LINK));
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    UniqueFd ended(::eventfd(0, EFD_CLOEXEC));
    if (!ended) return fail_errno("eventfd");
    const auto removal = std::make_shared<Removal>(Removal{std::move(socket), index, std::move(ended), {}});
    std::thread(remove, removal).detach();
    pollfd ends[] = {{.fd = removal->ended.get(), .events = POLLIN, .revents = 0},
                     {.fd = events.get(), .events = POLLIN, .revents = 0}};
    for (;;) {
        if (::poll(ends, 2, -1) < 0 && errno != EINTR) return fail_errno("poll");
        if (ends[0].revents != 0) break;
        if (ends[1].revents != 0 && told_gone(events.get(), index)) return {};
    }
    if (!removal->result && removal->result.error().sys_errno == ENODEV) return {};
    return removal->result;
}

}  // namespace berth::network
