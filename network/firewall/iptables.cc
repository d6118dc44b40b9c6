#include "network/firewall/iptables.h"

#include <algorithm>
#include <memory>

#include "engine/base/log.h"
#include "network/firewall/command.h"

namespace berth::network {
namespace {

// Where the jumps do not lead their chain, they are taken out and put in front again, within one commit.
void put_heads(const SavedRules& saved, RestoreBatch& batch) {
    std::map<std::pair<std::string, std::string>, std::vector<Rule>> chains;
    for (auto& rule : head_rules()) chains[{rule.table, rule.chain}].push_back(rule);
    for (const auto& [where, heads] : chains) {
        const auto& there = saved.specs(where.first, where.second);
        const bool lead =
            there.size() >= heads.size() &&
            std::equal(heads.begin(), heads.end(), there.begin(),
                       [](const Rule& rule, const std::string& spec) { return rule.spec == spec; });
        if (lead) continue;
        for (const auto& spec : there)
            if (std::any_of(heads.begin(), heads.end(), [&](const Rule& rule) { return rule.spec == spec; }))
                batch.remove({where.first, where.second, spec});
        std::for_each(heads.rbegin(), heads.rend(), [&](Rule rule) {
            rule.first = true;
            batch.add(rule);
        });
    }
}

void take_out_strays(const SavedRules& saved, const std::vector<BridgeRules>& bridges,
                     const std::vector<Rule>& wanted, RestoreBatch& batch) {
    const auto ours = [&](const Rule& rule) {
        return std::any_of(bridges.begin(), bridges.end(),
                           [&](const BridgeRules& bridge) { return belongs_to(rule, bridge); });
    };
    for (const auto& [table, chains] : saved.tables)
        for (const auto& [chain, specs] : chains)
            for (const auto& spec : specs) {
                const Rule rule{table, chain, spec};
                if (ours(rule) && std::find(wanted.begin(), wanted.end(), rule) == wanted.end())
                    batch.remove(rule);
            }
}

}  // namespace

Result<std::unique_ptr<Iptables>> Iptables::open(bool v6) {
    BERTH_TRY(auto save, find_tool(v6 ? "ip6tables-save" : "iptables-save"));
    BERTH_TRY(auto restore, find_tool(v6 ? "ip6tables-restore" : "iptables-restore"));
    return std::unique_ptr<Iptables>(new Iptables(std::move(save), std::move(restore), v6));
}

Result<> Iptables::restore(const RestoreBatch& batch, bool going) {
    return in("program firewall",
              commits_->run({restore_, "--noflush", "--wait", "10"}, batch.text(going), batch.commits()));
}

Result<> Iptables::reconcile(const Wanted& wanted) {
    const std::lock_guard lock(mutex_);
    BERTH_TRY(auto text, run_command({save_}));
    const auto saved = SavedRules::parse(text);
    const auto& users = saved.specs("filter", "DOCKER-USER");
    others_allow_ =
        std::any_of(users.begin(), users.end(), [](const auto& spec) { return spec != "-j RETURN"; });
    drops_forwarded_ = saved.drops_forwarded;
    RestoreBatch batch;
    for (const auto& chain : base_chains())
        if (!saved.has(chain)) batch.line(chain.table, "-N " + chain.name);
    if (wanted.drop_forwarded && !saved.drops_forwarded) batch.line("filter", "-P FORWARD DROP");
    put_heads(saved, batch);
    auto rules = base_rules(v6_);
    const auto append = [&](std::vector<Rule> more) {
        std::move(more.begin(), more.end(), std::back_inserter(rules));
    };
    for (const auto& bridge : wanted.bridges) append(bridge_rules(bridge));
    for (const auto& container : wanted.published) append(port_rules(container));
    auto known = wanted.bridges;
    known.insert(known.end(), wanted.gone.begin(), wanted.gone.end());
    take_out_strays(saved, known, rules, batch);
    for (const auto& rule : rules)
        if (!saved.has(rule)) batch.add(rule);
    if (batch.empty()) return {};
    return restore(batch);
}

Result<> Iptables::retire(const std::vector<BridgeRules>& bridges, bool own_policy) {
    const std::lock_guard lock(mutex_);
    BERTH_TRY(auto text, run_command({save_}));
    const auto saved = SavedRules::parse(text);
    const Chain ours{"nat", kLoopbackChain};
    if (!saved.has(ours)) return {};
    RestoreBatch batch;
    take_out_strays(saved, bridges, {}, batch);
    for (const auto& rule : base_rules(v6_))
        if (rule.spec.ends_with(kLoopbackChain) && saved.has(rule)) batch.remove(rule);
    batch.line(ours.table, "-F " + ours.name);
    batch.line(ours.table, "-X " + ours.name);
    if (saved.drops_forwarded && own_policy)
        batch.line("filter", "-P FORWARD ACCEPT");
    else if (saved.drops_forwarded)
        log::warning(
            "the policy of iptables' FORWARD chain is DROP: what nftables lets through is dropped there",
            {{"family", v6_ ? "ipv6" : "ipv4"}});
    return restore(batch);
}

Result<> Iptables::add(const std::vector<Rule>& rules) {
    if (rules.empty()) return {};
    const std::lock_guard lock(mutex_);
    RestoreBatch batch;
    for (const auto& rule : rules) batch.add(rule);
    auto added = restore(batch);
    if (added) return added;
    // A table is committed at a time: those before the one that failed are in.
    if (auto removed = remove_locked(rules); !removed)
        log::error("cannot take back firewall rules", {{"error", removed.error().message}});
    return added;
}

Result<> Iptables::remove(const std::vector<Rule>& rules) {
    if (rules.empty()) return {};
    const std::lock_guard lock(mutex_);
    RestoreBatch batch;
    for (const auto& rule : rules) batch.remove(rule);
    if (restore(batch, true)) return {};
    return remove_locked(rules);
}

// One rule that is not there fails the whole batch: look what is.
Result<> Iptables::remove_locked(const std::vector<Rule>& rules) {
    BERTH_TRY(auto text, run_command({save_}));
    const auto saved = SavedRules::parse(text);
    RestoreBatch batch;
    for (const auto& rule : rules)
        if (saved.has(rule)) batch.remove(rule);
    if (batch.empty()) return {};
    return restore(batch, true);
}

}  // namespace berth::network
