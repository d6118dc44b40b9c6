#include "network/firewall/saved_rules.h"

#include <algorithm>
#include <array>

namespace berth::network {
namespace {

constexpr std::array kTables{"raw", "filter", "nat"};

}  // namespace

SavedRules SavedRules::parse(std::string_view text) {
    SavedRules saved;
    std::map<std::string, std::vector<std::string>>* table = nullptr;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('*')) {
            table = &saved.tables[std::string(line.substr(1))];
        } else if (table && line.starts_with(':')) {
            if (table == &saved.tables["filter"] && line.starts_with(":FORWARD DROP"))
                saved.drops_forwarded = true;
            (*table)[std::string(line.substr(1, line.find(' ') - 1))];
        } else if (table && line.starts_with("-A ")) {
            const auto space = line.find(' ', 3);
            if (space == std::string_view::npos) continue;
            (*table)[std::string(line.substr(3, space - 3))].emplace_back(line.substr(space + 1));
        }
    }
    return saved;
}

bool SavedRules::has(const Chain& chain) const {
    const auto table = tables.find(chain.table);
    return table != tables.end() && table->second.count(chain.name) > 0;
}

bool SavedRules::has(const Rule& rule) const {
    const auto& there = specs(rule.table, rule.chain);
    return std::find(there.begin(), there.end(), rule.spec) != there.end();
}

const std::vector<std::string>& SavedRules::specs(const std::string& table, const std::string& chain) const {
    static const std::vector<std::string> none;
    const auto chains = tables.find(table);
    if (chains == tables.end()) return none;
    const auto found = chains->second.find(chain);
    return found == chains->second.end() ? none : found->second;
}

void RestoreBatch::add(const Rule& rule) {
    line(rule.table, (rule.first ? "-I " : "-A ") + rule.chain + " " + rule.spec);
}

int RestoreBatch::order(const std::string& table) {
    return static_cast<int>(std::find(kTables.begin(), kTables.end(), table) - kTables.begin());
}

std::string RestoreBatch::text(bool going) const {
    std::string text;
    const auto put = [&](const auto& table) {
        text.append("*").append(kTables.at(static_cast<std::size_t>(table.first))).append("\n");
        for (const auto& line : table.second) text.append(line).append("\n");
        text.append("COMMIT\n");
    };
    if (going)
        std::for_each(tables_.rbegin(), tables_.rend(), put);
    else
        std::for_each(tables_.begin(), tables_.end(), put);
    return text;
}

}  // namespace berth::network
