#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "network/firewall/commits.h"
#include "network/firewall/firewall.h"
#include "network/firewall/rules.h"
#include "network/firewall/saved_rules.h"

namespace berth::network {

// The iptables backend. Every change is one `iptables-restore --noflush` batch; nothing is ever flushed, and
// of chains shared with others (FORWARD, DOCKER-USER, another engine's DOCKER rules) only our own rules are
// touched.
class Iptables : public Firewall {
 public:
    // kUnavailable when the tools are not installed.
    static Result<std::unique_ptr<Iptables>> open(bool v6);

    // Another backend takes over: what an earlier run has left of these networks goes. The chains that are
    // others' as well stay. `own_policy`: that run had set FORWARD's policy, which the other backend has of
    // its own.
    Result<> retire(const std::vector<BridgeRules>& bridges, bool own_policy);
    Result<> reconcile(const Wanted& wanted) override;
    Result<> guard(const BridgeRules& bridge) override { return add(bridge_rules(bridge)); }
    Result<> unguard(const BridgeRules& bridge) override { return remove(bridge_rules(bridge)); }
    Result<> publish(const PublishedContainer& container) override { return add(port_rules(container)); }
    Result<> withdraw(const PublishedContainer& container) override { return remove(port_rules(container)); }
    bool made_by_us(int port) const override { return commits_->made_by_us(port); }
    bool others_allow() const override { return others_allow_; }
    bool drops_forwarded() const override { return drops_forwarded_; }
    const std::string& tool() const { return restore_; }

 private:
    Iptables(std::string save, std::string restore, bool v6)
        : save_(std::move(save)), restore_(std::move(restore)), v6_(v6), commits_(Commits::make()) {}
    Result<> restore(const RestoreBatch& batch, bool going = false);
    Result<> add(const std::vector<Rule>& rules);
    Result<> remove(const std::vector<Rule>& rules);
    Result<> remove_locked(const std::vector<Rule>& rules);

    std::string save_, restore_;
    bool v6_;
    std::unique_ptr<Commits> commits_;
    std::mutex mutex_;
    std::atomic<bool> others_allow_{false}, drops_forwarded_{false};
};

}  // namespace berth::network
