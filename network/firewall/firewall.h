#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "network/firewall/commits.h"
#include "network/firewall/rules.h"
#include "network/firewall/saved_rules.h"

namespace berth::network {

// The iptables backend. Every change is one `iptables-restore --noflush` batch; nothing is ever flushed, and
// of chains shared with others (FORWARD, DOCKER-USER, another engine's DOCKER rules) only our own rules are
// touched. One object a family. Blocking; safe from any thread.
class Firewall {
 public:
    // kUnavailable when the tools are not installed. `commits` must outlive it.
    static Result<std::unique_ptr<Firewall>> open(bool v6, Commits& commits);

    // Brings the kernel to what should be: the base chains, the rules of every bridge and `ports`; rules of
    // these bridges and of `gone` that nobody asked for are taken out. Does nothing where all is as it should
    // be. `drop_forwarded` sets FORWARD's policy to DROP too.
    Result<> reconcile(const std::vector<BridgeRules>& bridges, const std::vector<BridgeRules>& gone,
                       const std::vector<Rule>& ports, bool drop_forwarded);
    // After an error none of the rules is left.
    Result<> add(const std::vector<Rule>& rules);
    // Rules that are not there are no error.
    Result<> remove(const std::vector<Rule>& rules);

 private:
    Firewall(std::string save, std::string restore, bool v6, Commits& commits)
        : save_(std::move(save)), restore_(std::move(restore)), v6_(v6), commits_(commits) {}
    Result<> restore(const RestoreBatch& batch, bool going = false);
    Result<> remove_locked(const std::vector<Rule>& rules);

    std::string save_, restore_;
    bool v6_;
    Commits& commits_;
    std::mutex mutex_;
};

}  // namespace berth::network
