#include "network/firewall/nftables.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string_view>

#include "engine/base/log.h"
#include "engine/sys/netlink.h"

namespace berth::network {

namespace {

constexpr const char* kProbe = "-probe";  // behind the name of a table

// A listed table's sets, maps and chains, each by its first line: their order is that in which they were
// made.
std::map<std::string, std::string> parts_of(std::string_view listing) {
    std::map<std::string, std::string> parts;
    std::string* part = nullptr;
    while (!listing.empty()) {
        const auto end = std::min(listing.find('\n'), listing.size());
        const auto line = listing.substr(0, end);
        listing.remove_prefix(std::min(end + 1, listing.size()));
        if (line.starts_with('\t') && line.ends_with('{') && !line.starts_with("\t\t"))
            part = &parts[std::string(line)];
        else if (part)
            part->append(line).append("\n");
        if (line == "\t}") part = nullptr;
    }
    return parts;
}

}  // namespace

// nft writes a table in another spelling than it is given in, so what is wanted is made as well, asleep, and
// both are listed.
Result<bool> Nftables::stands(const Wanted& wanted) const {
    const auto there = context_->ask(table_.listing());
    if (!there) return false;
    const NftTable probe{table_.v6, table_.name + kProbe};
    BERTH_CHECK(context_->run(probe.whole(wanted, true)));
    auto asleep = context_->ask(probe.listing());
    BERTH_CHECK(context_->run(probe.gone(true)));
    BERTH_TRY(const auto listed, std::move(asleep));
    return parts_of(*there) == parts_of(listed);
}

Result<> Nftables::reconcile(const Wanted& wanted) {
    BERTH_TRY(const bool stands, this->stands(wanted));
    if (stands) return {};
    return context_->run(table_.whole(wanted));
}

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
