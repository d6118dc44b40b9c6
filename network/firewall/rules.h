#pragma once

#include <string>
#include <vector>

#include "network/firewall/bridge_rules.h"

// Which rules of iptables there are to be, as text. No system call here.
namespace berth::network {

// One iptables rule. `spec` is what follows "-A CHAIN " in iptables-save's own spelling, so that a rule is
// found again by comparing text.
struct Rule {
    std::string table, chain, spec;
    bool first = false;  // goes to the head of its chain, not to the end
    bool operator==(const Rule& other) const {
        return table == other.table && chain == other.chain && spec == other.spec;
    }
};

inline constexpr const char* kLoopbackChain = "BERTH-LOOPBACK";

struct Chain {
    std::string table, name;
};

// The chains of every engine that shares docker's layout, and one of our own: BERTH-LOOPBACK holds the DNAT
// rules for connections of the host to 127.0.0.1, apart from nat DOCKER, because sending loopback traffic
// through a DOCKER chain that another engine fills would break that engine's proxy.
std::vector<Chain> base_chains();

// The jumps that have to stand first in their chains, in this order.
std::vector<Rule> head_rules();

// Rules of no network in particular.
std::vector<Rule> base_rules(bool v6);

// Rules of a network, whatever runs on it. Order counts within a chain.
std::vector<Rule> bridge_rules(const BridgeRules& bridge);

// Rules of one container that publishes ports; none if it publishes nothing.
std::vector<Rule> port_rules(const PublishedContainer& container);

// Whether a rule found in the kernel has the shape of one of bridge_rules() or port_rules() for this bridge:
// what a crash left, or another engine that had the bridge before and is gone (whose rule for its proxy would
// keep containers from reaching published ports).
bool belongs_to(const Rule& rule, const BridgeRules& bridge);

}  // namespace berth::network
