#pragma once

#include <vector>

#include "engine/base/result.h"
#include "network/firewall/bridge_rules.h"

namespace berth::network {

// What stands between containers, networks and the outside, of one address family: one object a family.
// Blocking; safe from any thread. Rules of others are never touched.
class Firewall {
 public:
    struct Wanted {
        std::vector<BridgeRules> bridges;
        std::vector<BridgeRules> gone;  // networks that a crash left, which are about to go
        std::vector<PublishedContainer> published;
        bool drop_forwarded = false;  // what nobody allows is not forwarded at all
    };

    virtual ~Firewall() = default;
    // Brings the kernel to what should be, whatever is there; does nothing where all is as it should be. At
    // no moment are networks more open than before or after.
    virtual Result<> reconcile(const Wanted& wanted) = 0;
    // A network, whatever runs on it. After an error nothing of it is left.
    virtual Result<> guard(const BridgeRules& bridge) = 0;
    // What is not there is no error.
    virtual Result<> unguard(const BridgeRules& bridge) = 0;
    // A container's ports, which may be none. After an error nothing of it is left.
    virtual Result<> publish(const PublishedContainer& container) = 0;
    virtual Result<> withdraw(const PublishedContainer& container) = 0;
    // Whether a netlink port that took rules away was this firewall's own.
    virtual bool made_by_us(int port) const = 0;
    // Whether others had rules at the last reconcile() that may let in what these drop (iptables'
    // DOCKER-USER).
    virtual bool others_allow() const { return false; }
    // Whether what nobody allows was dropped at the last reconcile() by a policy that outlives the daemon.
    virtual bool drops_forwarded() const { return false; }
};

}  // namespace berth::network
