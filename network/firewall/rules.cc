#include "network/firewall/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace berth::network {
namespace {

// The address behind `key` ("-d ", "-s ", "--to-destination ") in a rule, if there is one.
std::optional<Ip> address_behind(std::string_view spec, std::string_view key) {
    const auto at = spec.find(key);
    if (at == std::string_view::npos || (at > 0 && spec[at - 1] != ' ')) return std::nullopt;
    auto text = spec.substr(at + key.size());
    if (text.starts_with('[')) return Ip::parse(text.substr(1, text.find(']') - 1));
    text = text.substr(0, text.find_first_of("/ "));
    auto address = Ip::parse(text);
    return address ? address : Ip::parse(text.substr(0, text.find(':')));
}

// "172.17.0.2/32": how iptables-save writes a host.
std::string host(const Ip& ip) {
    return Subnet{ip, ip.width()}.text();
}

// Whether a rule is about packets of this interface.
bool mentions(std::string_view spec, const std::string& interface) {
    const auto text = fmt::format(" {} ", spec);
    return text.find(" -i " + interface + " ") != text.npos ||
           text.find(" -o " + interface + " ") != text.npos;
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
            {"filter", "DOCKER-FORWARD", "-j DOCKER-BRIDGE"},
            // Published is published for other networks, too, by the host's addresses.
            {"filter", "DOCKER-ISOLATION-STAGE-2", "-m conntrack --ctstate DNAT -j RETURN"}};
}

std::vector<Rule> base_rules(bool v6) {
    const char* loopback = v6 ? "::1/128" : "127.0.0.0/8";
    std::vector<Rule> rules{
        {"nat", "PREROUTING", "-m addrtype --dst-type LOCAL -j DOCKER"},
        {"nat", "OUTPUT", fmt::format("! -d {} -m addrtype --dst-type LOCAL -j DOCKER", loopback)}};
    if (!v6) rules.push_back({"nat", "OUTPUT", fmt::format("-d {} -j {}", loopback, kLoopbackChain)});
    return rules;
}

namespace {

std::vector<Rule> internal_rules(const BridgeRules& bridge) {
    const auto& name = bridge.bridge;
    const auto subnet = bridge.subnet.text();
    const bool v6 = bridge.subnet.base.v6;
    const auto inside = bridge.icc ? "ACCEPT" : "DROP";
    // Neighbour discovery crosses the bridge from other addresses than the subnet's.
    const auto in = v6 ? fmt::format("! -i {} ", name) : "", out = v6 ? fmt::format("! -o {} ", name) : "";
    return {{"filter", "DOCKER-FORWARD", fmt::format("-i {0} -o {0} -j {1}", name, inside)},
            {"filter", "DOCKER-ISOLATION-STAGE-1", fmt::format("! -s {} {}-o {} -j DROP", subnet, in, name),
             true},
            {"filter", "DOCKER-ISOLATION-STAGE-1", fmt::format("! -d {} -i {} {}-j DROP", subnet, name, out),
             true}};
}

// Who asks the host for a port of his own network gets the answer from the host, which has to translate it,
// and not from the container, straight across the bridge.
Rule way_back(const BridgeRules& bridge) {
    return {"nat", "POSTROUTING",
            fmt::format("-s {} -o {} -m conntrack --ctstate DNAT -j MASQUERADE", bridge.subnet.text(),
                        bridge.bridge)};
}

// What arrives for the network's containers.
void add_entrance(const BridgeRules& bridge, std::vector<Rule>& rules) {
    const auto& name = bridge.bridge;
    const bool open = bridge.mode == GatewayMode::kNatUnprotected;
    if (bridge.mode == GatewayMode::kRouted)
        rules.push_back(
            {"filter", "DOCKER",
             fmt::format("-o {} -p {} -j ACCEPT", name, bridge.subnet.base.v6 ? "ipv6-icmp" : "icmp")});
    rules.push_back(
        {"filter", "DOCKER", fmt::format("! -i {0} -o {0} -j {1}", name, open ? "ACCEPT" : "DROP")});
    rules.push_back({"filter", "DOCKER-BRIDGE", fmt::format("-o {} -j DOCKER", name)});
    rules.push_back({"filter", "DOCKER-CT",
                     fmt::format("-o {} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", name)});
    rules.push_back({"filter", "DOCKER-ISOLATION-STAGE-1",
                     fmt::format("-i {0} ! -o {0} -j DOCKER-ISOLATION-STAGE-2", name)});
    // Other networks reach a routed one as the rest of the world does.
    if (bridge.mode != GatewayMode::kRouted)
        rules.push_back({"filter", "DOCKER-ISOLATION-STAGE-2", fmt::format("-o {} -j DROP", name)});
}

void add_translation(const BridgeRules& bridge, std::vector<Rule>& rules) {
    const auto& name = bridge.bridge;
    if (bridge.masquerade && bridge.mode != GatewayMode::kRouted)
        rules.push_back(
            {"nat", "POSTROUTING",
             fmt::format("-s {} ! -o {} -j {}", bridge.subnet.text(), name,
                         bridge.source ? "SNAT --to-source " + bridge.source->text() : "MASQUERADE"),
             true});
    rules.push_back(
        {"nat", "POSTROUTING", fmt::format("-o {} -m addrtype --src-type LOCAL -j MASQUERADE", name), true});
    if (bridge.mode != GatewayMode::kRouted) rules.push_back(way_back(bridge));
}

}  // namespace

std::vector<Rule> bridge_rules(const BridgeRules& bridge) {
    if (bridge.internal) return internal_rules(bridge);
    const auto& name = bridge.bridge;
    std::vector<Rule> rules;
    if (!bridge.subnet.base.v6) {
        // route_localnet makes the bridge a way to what listens on the host's 127.0.0.1: closed for
        // containers.
        rules.push_back({"raw", "PREROUTING", fmt::format("-d 127.0.0.0/8 -i {} -j DROP", name)});
        rules.push_back({"raw", "PREROUTING", fmt::format("-s 127.0.0.0/8 -i {} -j DROP", name)});
    }
    add_entrance(bridge, rules);
    if (bridge.icc) {
        rules.push_back({"filter", "DOCKER-FORWARD", fmt::format("-i {} -j ACCEPT", name)});
    } else {
        rules.push_back({"filter", "DOCKER-FORWARD", fmt::format("-i {0} -o {0} -j DROP", name)});
        rules.push_back({"filter", "DOCKER-FORWARD", fmt::format("-i {0} ! -o {0} -j ACCEPT", name)});
    }
    add_translation(bridge, rules);
    return rules;
}

namespace {

// By its own address nobody reaches a container that publishes, but for those who may. Others need no rule:
// filter DOCKER lets nothing in.
void close_direct_way(const PublishedContainer& container, std::vector<Rule>& rules) {
    if (container.mode != GatewayMode::kNat || container.direct) return;
    const auto self = host(container.address);
    for (const auto& interface : container.trusted)
        add_unless_there(rules, {"raw", "PREROUTING", fmt::format("-d {} -i {} -j ACCEPT", self, interface)});
    rules.push_back({"raw", "PREROUTING", fmt::format("-d {} ! -i {} -j DROP", self, container.bridge)});
}

void add_port(const PublishedContainer& container, const PublishedPort& port, std::vector<Rule>& rules) {
    const auto& ip = container.address;
    const auto self = host(ip);
    const auto proto = fmt::format("-p {0} -m {0}", port.protocol);
    const auto to_container = fmt::format("{} --dport {}", proto, port.container_port);
    if (container.mode != GatewayMode::kNatUnprotected)
        add_unless_there(
            rules, {"filter", "DOCKER",
                    fmt::format("-d {0} ! -i {1} -o {1} {2} -j ACCEPT", self, container.bridge, to_container),
                    true});
    if (container.mode == GatewayMode::kRouted) return;
    const auto to_host = fmt::format("{} --dport {}", proto, port.host_port);
    const auto on = port.host_ip.unspecified() ? "" : fmt::format("-d {} ", host(port.host_ip));
    // A link-local source means nothing behind the bridge.
    const auto dnat = fmt::format("{}{}{} -j DNAT --to-destination {}:{}", ip.v6 ? "! -s fe80::/10 " : "", on,
                                  to_host, ip.v6 ? "[" + ip.text() + "]" : ip.text(), port.container_port);
    if (port.host_ip.loopback())
        add_unless_there(rules, {"raw", "PREROUTING", fmt::format("{}! -i lo {} -j DROP", on, to_host)});
    add_unless_there(rules, {"nat", "DOCKER", dnat});
    if (!ip.v6 && (port.host_ip.unspecified() || port.host_ip.loopback()))
        add_unless_there(rules, {"nat", kLoopbackChain, dnat});
}

}  // namespace

std::vector<Rule> port_rules(const PublishedContainer& container) {
    std::vector<Rule> rules;
    if (!container.ports.empty()) close_direct_way(container, rules);
    for (const auto& port : container.ports) add_port(container, port, rules);
    for (const auto& link : container.links)
        add_unless_there(
            rules, {"filter", "DOCKER",
                    fmt::format("-s {0} -d {1} -i {2} -o {2} -p {3} -m {3} --dport {4} -j ACCEPT",
                                host(container.address), host(link.address), container.bridge, link.protocol,
                                link.port),
                    true});
    return rules;
}

bool belongs_to(const Rule& rule, const BridgeRules& bridge) {
    const std::string_view spec = rule.spec;
    const auto inside = [&](std::string_view key) {
        auto address = address_behind(spec, key);
        return address && bridge.subnet.contains(*address);
    };
    const auto ends_with = [&](std::string_view end) { return spec.ends_with(end); };
    if (rule.table == "filter")
        return rule.chain.starts_with("DOCKER") && rule.chain != "DOCKER-USER" &&
               mentions(spec, bridge.bridge);
    if (rule.table == "raw")
        return rule.chain == "PREROUTING" &&
               ((inside("-d ") && (ends_with("-j DROP") || ends_with("-j ACCEPT"))) ||
                (mentions(spec, bridge.bridge) &&
                 (spec.starts_with("-d 127.0.0.0/8 ") || spec.starts_with("-s 127.0.0.0/8 "))));
    if (rule.table != "nat") return false;
    if (rule.chain == "DOCKER" && spec == fmt::format("-i {} -j RETURN", bridge.bridge)) return true;
    if (rule.chain == "DOCKER" || rule.chain == kLoopbackChain) return inside("--to-destination ");
    if (rule.chain != "POSTROUTING") return false;
    const auto leaving = fmt::format("-s {} ! -o {} -j ", bridge.subnet.text(), bridge.bridge);
    if (spec.starts_with(leaving + "SNAT ")) return true;
    if (!ends_with("-j MASQUERADE")) return false;
    // The first: to itself, as docker and former versions of ours have it for each port.
    return (inside("-s ") && inside("-d ") && spec.find("--dport") != spec.npos) ||
           spec == way_back(bridge).spec || spec == leaving + "MASQUERADE" ||
           spec == fmt::format("-o {} -m addrtype --src-type LOCAL -j MASQUERADE", bridge.bridge);
}

}  // namespace berth::network
