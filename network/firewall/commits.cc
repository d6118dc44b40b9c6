#include "network/firewall/commits.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "engine/base/log.h"
#include "engine/sys/netlink.h"
#include "network/firewall/command.h"

namespace berth::network {
namespace {

constexpr std::uint16_t kNewGeneration = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;

// Of all that is told, the ends of commits: a big batch could overflow the socket.
Result<> keep_generations_only(int socket) {
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(kNewGeneration), 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)};
    const sock_fprog program{.len = std::size(code), .filter = code};
    if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        return fail_errno("filter netlink messages");
    return {};
}

Result<UniqueFd> listen_to_commits() {
    BERTH_TRY(auto events, sys::listen_to_netlink(NETLINK_NETFILTER, NFNLGRP_NFTABLES));
    BERTH_CHECK(keep_generations_only(events.get()));
    return events;
}

}  // namespace

std::unique_ptr<Commits> Commits::make() {
    auto events = listen_to_commits();
    if (!events) log::debug("no word of commits", {{"error", events.error().message}});
    return std::unique_ptr<Commits>(new Commits(events ? std::move(*events) : UniqueFd()));
}

void Commits::remember(pid_t process) {
    const std::lock_guard lock(mutex_);
    recent_.at(next_++ % recent_.size()) = process;
}

bool Commits::made_by_us(pid_t port) const {
    const std::lock_guard lock(mutex_);
    return std::find(recent_.begin(), recent_.end(), port) != recent_.end();
}

// A tool's first netlink socket has its process number for a port.
int Commits::count(pid_t process) {
    int seen = 0;
    alignas(nlmsghdr) std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t got = ::recv(events_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return seen;
        nlmsghdr header;
        std::memcpy(&header, buffer.data(), sizeof header);
        if (header.nlmsg_type == kNewGeneration && header.nlmsg_pid == static_cast<std::uint32_t>(process))
            ++seen;
    }
}

Result<> Commits::run(const std::vector<std::string>& arguments, const std::string& input, int commits) {
    const std::lock_guard lock(running_);
    if (events_) (void)count(0);
    return run_until(arguments, input,
                     {.fd = events_.get(),
                      .done =
                          [&](pid_t process) {
                              commits -= count(process);
                              return commits <= 0;
                          },
                      .started = [&](pid_t process) { remember(process); }});
}

}  // namespace berth::network
