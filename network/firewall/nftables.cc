#include "network/firewall/nftables.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>

#include "engine/base/log.h"
#include "engine/sys/netlink.h"

namespace berth::network {

Result<> Nftables::publish(const PublishedContainer& container) {
    const auto commands = table_.add(container);
    if (commands.empty()) return {};
    return context_->run(commands);
}

Result<> Nftables::take(const std::vector<std::string>& commands) {
    std::string all;
    for (const auto& command : commands) all += command + "\n";
    if (all.empty() || context_->run(all)) return {};
    // Something has gone before: the rest one by one.
    for (const auto& command : commands)
        if (auto taken = context_->run(command); !taken)
            log::debug("not there to be taken", {{"what", command}, {"error", taken.error().message}});
    return {};
}

void remove_nft_tables(const std::string& table) {
    for (const int family : {NFPROTO_IPV4, NFPROTO_IPV6}) {
        auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
        if (!socket) return;
        std::vector<sys::NetlinkMessage> messages;
        auto& message =
            messages.emplace_back(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE));
        message
            .body(nfgenmsg{
                .nfgen_family = static_cast<std::uint8_t>(family), .version = NFNETLINK_V0, .res_id = 0})
            .put_text(NFTA_TABLE_NAME, table);
        auto removed = socket->transaction(messages, NFNL_SUBSYS_NFTABLES);
        if (!removed && removed.error().sys_errno != ENOENT)
            log::debug("cannot remove a table of nftables", {{"error", removed.error().message}});
    }
}

}  // namespace berth::network
