#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "network/firewall/rules.h"

namespace berth::network {

// The iptables backend. Every change is one `iptables-restore --noflush` batch; nothing is ever flushed, and
// of chains shared with others (FORWARD, DOCKER-USER, another engine's DOCKER rules) only our own rules are
// touched. IPv4. Blocking; safe from any thread.
class Firewall {
 public:
    // kUnavailable when the tools are not installed.
    static Result<std::unique_ptr<Firewall>> open();

    // Brings the kernel to what should be: the base chains, the bridge's rules and `ports`; port rules of
    // this bridge that nobody asked for are taken out. Does nothing where all is as it should be.
    // `drop_forwarded` sets FORWARD's policy to DROP too.
    Result<> reconcile(const BridgeRules& bridge, const std::vector<Rule>& ports, bool drop_forwarded);
    // After an error none of the rules is left.
    Result<> add(const std::vector<Rule>& rules);
    // Rules that are not there are no error.
    Result<> remove(const std::vector<Rule>& rules);

 private:
    Firewall(std::string save, std::string restore) : save_(std::move(save)), restore_(std::move(restore)) {}
    Result<> restore(const std::string& batch);
    Result<> remove_locked(const std::vector<Rule>& rules);

    std::string save_, restore_;
    std::mutex mutex_;
};

}  // namespace berth::network
