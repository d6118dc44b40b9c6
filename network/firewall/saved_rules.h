#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "network/firewall/rules.h"

namespace berth::network {

// What iptables-save prints: "*table", ":CHAIN POLICY [n:m]", "-A CHAIN spec", "COMMIT".
struct SavedRules {
    static SavedRules parse(std::string_view text);

    bool has(const Chain& chain) const;
    bool has(const Rule& rule) const;
    // In the order of the chain.
    const std::vector<std::string>& specs(const std::string& table, const std::string& chain) const;

    std::map<std::string, std::map<std::string, std::vector<std::string>>> tables;
    bool drops_forwarded = false;  // FORWARD's policy
};

// The input of iptables-restore --noflush: lines by table.
class RestoreBatch {
 public:
    void line(const std::string& table, std::string text) {
        tables_[order(table)].push_back(std::move(text));
    }
    void add(const Rule& rule);
    void remove(const Rule& rule) { line(rule.table, "-D " + rule.chain + " " + rule.spec); }
    bool empty() const { return tables_.empty(); }
    // One for each table.
    int commits() const { return static_cast<int>(tables_.size()); }
    // Tables in the order raw, filter, nat when protection has to come first; the other way round when rules
    // go.
    std::string text(bool going = false) const;

 private:
    static int order(const std::string& table);
    std::map<int, std::vector<std::string>> tables_;
};

}  // namespace berth::network
