#pragma once

#include <string>
#include <vector>

#include "network/firewall/firewall.h"

// What is written to libnftables, by family. No system call here.
//
// One table an engine and family. Whatever grows with networks and containers lies in sets and maps, so that
// a packet's way is as long with a thousand ports as with one:
//   bridges     interfaces of networks that lead outside
//   entry       interface a packet leaves by -> the chain that guards that network
//   leave       interface a packet came by -> the chain of what leaves that network
//   inner       the same, of internal networks, asked before entry
//   sources     interface a packet came by -> the chain that changes source addresses
//   guarded     containers that are not to be reached by their own addresses
//   direct      container . interface: but from there
//   ports       container . protocol . port that may be reached
//   links       container . container . protocol . port: to another one that it is linked to
//   any, host   [host address .] protocol . port -> container . port
//   looped      host address . protocol . port: for the host alone
//   same        interface . the same one: what the host leads back to where it came from
namespace berth::network {

struct NftTable {
    bool v6 = false;
    std::string name;

    // The table anew, with all in it, in the place of whatever was there. `dormant`: to be looked at, with no
    // hook of its own.
    std::string whole(const Firewall::Wanted& wanted, bool dormant = false) const;
    // The command that takes it away, if it is there.
    std::string gone(bool dormant = false) const;
    std::string listing() const { return "list table " + ref(); }
    std::string add(const BridgeRules& bridge) const;
    std::string add(const PublishedContainer& container) const;
    // Commands that can be run together, or one by one where some of it has gone already.
    std::vector<std::string> remove(const BridgeRules& bridge) const;
    std::vector<std::string> remove(const PublishedContainer& container) const;

 private:
    std::string ref() const { return (v6 ? "ip6 " : "ip ") + name; }
    std::string base(bool drop_forwarded, bool dormant) const;
    std::vector<std::string> elements(const BridgeRules& bridge) const;
    std::vector<std::string> elements(const PublishedContainer& container) const;
};

}  // namespace berth::network
