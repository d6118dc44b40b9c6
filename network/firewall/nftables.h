#pragma once

#include <memory>
#include <string>

#include "network/firewall/firewall.h"
#include "network/firewall/nft_context.h"
#include "network/firewall/nft_text.h"

namespace berth::network {

// The nftables backend: a table of this engine's own, each change one transaction. Rules of others, iptables'
// among them, are theirs: where they drop, nothing here lets through.
class Nftables : public Firewall {
 public:
    // `table`: the name that no other engine uses.
    Nftables(std::shared_ptr<NftContext> context, std::string table, bool v6)
        : context_(std::move(context)), table_{v6, std::move(table)} {}

    Result<> reconcile(const Wanted& wanted) override;
    Result<> guard(const BridgeRules& bridge) override { return context_->run(table_.add(bridge)); }
    Result<> unguard(const BridgeRules& bridge) override { return take(table_.remove(bridge)); }
    Result<> publish(const PublishedContainer& container) override;
    Result<> withdraw(const PublishedContainer& container) override { return take(table_.remove(container)); }
    bool made_by_us(int port) const override { return port == context_->port(); }

 private:
    // Whether the kernel has the table as it should be.
    Result<bool> stands(const Wanted& wanted) const;
    Result<> take(const std::vector<std::string>& commands);

    std::shared_ptr<NftContext> context_;
    const NftTable table_;
};

// Deletes the tables of an engine that had this backend before and has not any more. A kernel without
// nftables has none.
void remove_nft_tables(const std::string& table);

}  // namespace berth::network
