#include "network/firewall/watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace berth::network {
namespace {

// What one command takes away comes as many messages.
constexpr int kMomentMs = 50;

bool takes_away(std::uint16_t type) {
    if (type >> 8 != NFNL_SUBSYS_NFTABLES) return false;
    const int message = type & 0xff;
    return message == NFT_MSG_DELRULE || message == NFT_MSG_DELCHAIN || message == NFT_MSG_DELTABLE;
}

bool anything_gone(const char* bytes, std::size_t size) {
    while (size >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, bytes, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > size) return false;
        if (takes_away(header.nlmsg_type)) return true;
        const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), size);
        bytes += step;
        size -= step;
    }
    return false;
}

}  // namespace

RuleWatch::RuleWatch(UniqueFd events, UniqueFd stop, std::function<void()> lost)
    : events_(std::move(events)),
      stop_(std::move(stop)),
      lost_(std::move(lost)),
      thread_([this] { run(); }) {}

RuleWatch::~RuleWatch() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
}

Result<std::unique_ptr<RuleWatch>> RuleWatch::start(std::function<void()> lost) {
    UniqueFd events(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
    if (!events) return fail_errno("open netlink socket");
    const sockaddr_nl address{.nl_family = AF_NETLINK};
    if (::bind(events.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("bind netlink socket");
    const int group = NFNLGRP_NFTABLES;
    if (::setsockopt(events.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        return fail_errno("listen to nftables");
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
    if (!stop) return fail_errno("eventfd");
    return std::unique_ptr<RuleWatch>(new RuleWatch(std::move(events), std::move(stop), std::move(lost)));
}

bool RuleWatch::drain() {
    bool gone = false;
    alignas(nlmsghdr) std::array<char, 32 << 10> buffer;
    for (;;) {
        const ssize_t got = ::recv(events_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        // More was told than the socket holds.
        if (got < 0 && errno == ENOBUFS) {
            gone = true;
            continue;
        }
        if (got <= 0) return gone;
        gone = anything_gone(buffer.data(), static_cast<std::size_t>(got)) || gone;
    }
}

void RuleWatch::run() {
    pollfd fds[] = {{.fd = events_.get(), .events = POLLIN, .revents = 0},
                    {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    bool gone = false;
    for (;;) {
        const int ready = ::poll(fds, 2, gone ? kMomentMs : -1);
        if (ready < 0 && errno != EINTR) return;
        if (ready > 0 && fds[1].revents) return;
        if (ready > 0) gone = drain() || gone;
        if (ready == 0 && gone) {
            gone = false;
            lost_();
        }
    }
}

}  // namespace berth::network
