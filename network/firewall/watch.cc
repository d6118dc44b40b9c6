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

#include "engine/sys/netlink.h"

namespace berth::network {
namespace {

// What one command takes away comes as many messages.
constexpr int kMomentMs = 50;
constexpr pid_t kUnknown = -1;

bool takes_away(std::uint16_t type) {
    if (type >> 8 != NFNL_SUBSYS_NFTABLES) return false;
    const int message = type & 0xff;
    return message == NFT_MSG_DELRULE || message == NFT_MSG_DELCHAIN || message == NFT_MSG_DELTABLE;
}

// Others' rules for what containers may, which change what the guard may drop.
bool is_for_users(std::uint16_t type, std::string_view payload) {
    if (type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) || payload.size() < sizeof(nfgenmsg))
        return false;
    const auto chain = sys::find_attribute(payload.substr(sizeof(nfgenmsg)), NFTA_RULE_CHAIN);
    return chain && chain->starts_with("DOCKER-USER");
}

}  // namespace

RuleWatch::RuleWatch(UniqueFd events, UniqueFd stop, std::function<bool(pid_t port)> ours,
                     std::function<void()> lost)
    : events_(std::move(events)),
      stop_(std::move(stop)),
      ours_(std::move(ours)),
      lost_(std::move(lost)),
      thread_([this] { run(); }) {}

RuleWatch::~RuleWatch() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
}

Result<std::unique_ptr<RuleWatch>> RuleWatch::start(std::function<bool(pid_t port)> ours,
                                                    std::function<void()> lost) {
    BERTH_TRY(auto events, sys::listen_to_netlink(NETLINK_NETFILTER, NFNLGRP_NFTABLES));
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
    if (!stop) return fail_errno("eventfd");
    return std::unique_ptr<RuleWatch>(
        new RuleWatch(std::move(events), std::move(stop), std::move(ours), std::move(lost)));
}

void RuleWatch::note(const char* bytes, std::size_t size) {
    while (size >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, bytes, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > size) return;
        const std::string_view payload(bytes + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
        if (takes_away(header.nlmsg_type) || is_for_users(header.nlmsg_type, payload))
            takers_.insert(static_cast<pid_t>(header.nlmsg_pid));
        const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), size);
        bytes += step;
        size -= step;
    }
}

void RuleWatch::drain() {
    alignas(nlmsghdr) std::array<char, 32 << 10> buffer;
    for (;;) {
        const ssize_t got = ::recv(events_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == ENOBUFS) {
            takers_.insert(kUnknown);
            continue;
        }
        if (got <= 0) return;
        note(buffer.data(), static_cast<std::size_t>(got));
    }
}

bool RuleWatch::others_took() const {
    return std::any_of(takers_.begin(), takers_.end(),
                       [&](pid_t port) { return port == kUnknown || !ours_(port); });
}

void RuleWatch::run() {
    pollfd fds[] = {{.fd = events_.get(), .events = POLLIN, .revents = 0},
                    {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    for (;;) {
        const int ready = ::poll(fds, 2, takers_.empty() ? -1 : kMomentMs);
        if (ready < 0 && errno != EINTR) return;
        if (ready > 0 && fds[1].revents) return;
        if (ready > 0) drain();
        if (ready != 0) continue;
        const bool lost = others_took();
        takers_.clear();
        if (lost) lost_();
    }
}

}  // namespace berth::network
