#include "network/firewall/rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace berth::network {
namespace {

constexpr const char* kLoopbackChain = "BERTH-LOOPBACK";

// The address behind `key` ("-d ", "-s ", "--to-destination ") in a rule, if there is one.
std::optional<Ipv4> address_behind(std::string_view spec, std::string_view key) {
    const auto at = spec.find(key);
    if (at == std::string_view::npos || (at > 0 && spec[at - 1] != ' ')) return std::nullopt;
    auto text = spec.substr(at + key.size());
    return Ipv4::parse(text.substr(0, text.find_first_of("/: ")));
}

void add_unless_there(std::vector<Rule>& rules, Rule rule) {
    if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(std::move(rule));
}

}  // namespace

std::vector<Chain> base_chains() {
    return {{"filter", "DOCKER"},
            {"filter", "DOCKER-BRIDGE"},
            {"filter", "DOCKER-CT"},
            {"filter", "DOCKER-FORWARD"},
            {"filter", "DOCKER-ISOLATION-STAGE-1"},
            {"filter", "DOCKER-ISOLATION-STAGE-2"},
            {"filter", "DOCKER-USER"},
            {"nat", "DOCKER"},
            {"nat", kLoopbackChain}};
}

std::vector<Rule> head_rules() {
    return {{"filter", "FORWARD", "-j DOCKER-USER"},
            {"filter", "FORWARD", "-j DOCKER-FORWARD"},
            {"filter", "DOCKER-FORWARD", "-j DOCKER-CT"},
            {"filter", "DOCKER-FORWARD", "-j DOCKER-ISOLATION-STAGE-1"},
            {"filter", "DOCKER-FORWARD", "-j DOCKER-BRIDGE"}};
}

std::vector<Rule> bridge_rules(const BridgeRules& bridge) {
    const auto& name = bridge.bridge;
    std::vector<Rule> rules{
        // route_localnet makes the bridge a way to what listens on the host's 127.0.0.1: closed for
        // containers.
        {"raw", "PREROUTING", fmt::format("-d 127.0.0.0/8 -i {} -j DROP", name)},
        {"raw", "PREROUTING", fmt::format("-s 127.0.0.0/8 -i {} -j DROP", name)},
        {"filter", "DOCKER", fmt::format("! -i {0} -o {0} -j DROP", name)},
        {"filter", "DOCKER-BRIDGE", fmt::format("-o {} -j DOCKER", name)},
        {"filter", "DOCKER-CT",
         fmt::format("-o {} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", name)},
        {"filter", "DOCKER-ISOLATION-STAGE-1",
         fmt::format("-i {0} ! -o {0} -j DOCKER-ISOLATION-STAGE-2", name)},
        {"filter", "DOCKER-ISOLATION-STAGE-2", fmt::format("-o {} -j DROP", name), true},
    };
    if (bridge.icc) {
        rules.push_back({"filter", "DOCKER-FORWARD", fmt::format("-i {} -j ACCEPT", name)});
    } else {
        rules.push_back({"filter", "DOCKER-FORWARD", fmt::format("-i {0} -o {0} -j DROP", name)});
        rules.push_back({"filter", "DOCKER-FORWARD", fmt::format("-i {0} ! -o {0} -j ACCEPT", name)});
    }
    rules.push_back({"nat", "PREROUTING", "-m addrtype --dst-type LOCAL -j DOCKER"});
    rules.push_back({"nat", "OUTPUT", "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER"});
    rules.push_back({"nat", "OUTPUT", fmt::format("-d 127.0.0.0/8 -j {}", kLoopbackChain)});
    if (bridge.masquerade)
        rules.push_back({"nat", "POSTROUTING",
                         fmt::format("-s {} ! -o {} -j MASQUERADE", bridge.subnet.text(), name), true});
    rules.push_back(
        {"nat", "POSTROUTING", fmt::format("-o {} -m addrtype --src-type LOCAL -j MASQUERADE", name), true});
    return rules;
}

std::vector<Rule> port_rules(const std::string& bridge, Ipv4 container,
                             const std::vector<PublishedPort>& ports) {
    std::vector<Rule> rules;
    if (ports.empty()) return rules;
    const auto ip = container.text();
    // What publishes can be reached by its published ports alone, not by whoever has a route to the bridge.
    // Others need no rule: filter DOCKER lets nothing in.
    rules.push_back({"raw", "PREROUTING", fmt::format("-d {}/32 ! -i {} -j DROP", ip, bridge)});
    for (const auto& port : ports) {
        const auto proto = fmt::format("-p {0} -m {0}", port.protocol);
        const auto to_container = fmt::format("{} --dport {}", proto, port.container_port);
        const auto to_host = fmt::format("{} --dport {}", proto, port.host_port);
        const auto host = port.host_ip.unspecified() ? "" : fmt::format("-d {}/32 ", port.host_ip.text());
        const auto dnat =
            fmt::format("{}{} -j DNAT --to-destination {}:{}", host, to_host, ip, port.container_port);
        if (port.host_ip.loopback())
            add_unless_there(rules,
                             {"raw", "PREROUTING", fmt::format("{}! -i lo {} -j DROP", host, to_host)});
        add_unless_there(
            rules, {"filter", "DOCKER",
                    fmt::format("-d {0}/32 ! -i {1} -o {1} {2} -j ACCEPT", ip, bridge, to_container), true});
        add_unless_there(rules, {"nat", "DOCKER", dnat});
        if (port.host_ip.unspecified() || port.host_ip.loopback())
            add_unless_there(rules, {"nat", kLoopbackChain, dnat});
        add_unless_there(rules, {"nat", "POSTROUTING",
                                 fmt::format("-s {0}/32 -d {0}/32 {1} -j MASQUERADE", ip, to_container)});
    }
    return rules;
}

bool is_port_rule(const Rule& rule, const BridgeRules& bridge) {
    const std::string_view spec = rule.spec;
    const auto inside = [&](std::string_view key) {
        auto address = address_behind(spec, key);
        return address && bridge.subnet.contains(*address);
    };
    const auto ends_with = [&](std::string_view end) { return spec.ends_with(end); };
    if (rule.table == "raw" && rule.chain == "PREROUTING")
        return spec.starts_with("-d ") && inside("-d ") &&
               ends_with(fmt::format("/32 ! -i {} -j DROP", bridge.bridge));
    if (rule.table == "filter" && rule.chain == "DOCKER")
        return inside("-d ") && spec.find(fmt::format(" ! -i {0} -o {0} -p ", bridge.bridge)) != spec.npos &&
               ends_with("-j ACCEPT");
    if (rule.table != "nat") return false;
    if (rule.chain == "DOCKER" && spec == fmt::format("-i {} -j RETURN", bridge.bridge)) return true;
    if (rule.chain == "DOCKER" || rule.chain == kLoopbackChain) return inside("--to-destination ");
    return rule.chain == "POSTROUTING" && inside("-s ") && inside("-d ") && ends_with("-j MASQUERADE") &&
           spec.find("--dport") != spec.npos;
}

}  // namespace berth::network
