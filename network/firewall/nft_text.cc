#include "network/firewall/nft_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace berth::network {
namespace {

// Literal braces of nft beside placeholders of ours: @NAME@ in a text.
std::string fill(std::string text, std::initializer_list<std::pair<std::string_view, std::string>> values) {
    for (const auto& [name, value] : values) {
        const auto mark = fmt::format("@{}@", name);
        for (std::size_t at = 0; (at = text.find(mark, at)) != text.npos; at += value.size())
            text.replace(at, mark.size(), value);
    }
    return text;
}

void put_once(std::vector<std::string>& list, std::string item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(std::move(item));
}

std::string together(const std::vector<std::string>& commands, std::string_view verb) {
    std::string text;
    for (const auto& command : commands) text += fmt::format("{} {}\n", verb, command);
    return text;
}

constexpr const char* kBase = R"(table @REF@ {
  @DORMANT@
  set bridges { type ifname; }
  map entry { type ifname : verdict; }
  map leave { type ifname : verdict; }
  map inner { type ifname : verdict; }
  map sources { type ifname : verdict; }
  set guarded { type @ADDR@; }
  set direct { type @ADDR@ . ifname; }
  set ports { type @ADDR@ . inet_proto . inet_service; }
  set links { type @ADDR@ . @ADDR@ . inet_proto . inet_service; }
  set looped { type @ADDR@ . inet_proto . inet_service; }
  set same { type ifname . ifname; }
  map any { type inet_proto . inet_service : @ADDR@ . inet_service; }
  map host { type @ADDR@ . inet_proto . inet_service : @ADDR@ . inet_service; }
  chain before-routing {
    type filter hook prerouting priority raw; policy accept;
    @CLOSE_LOOPBACK@
    @IP@ daddr . iifname @direct accept
    @IP@ daddr @guarded drop
    iifname != "lo" @IP@ daddr . meta l4proto . th dport @looped drop
  }
  chain translate {
    @SKIP_LINK_LOCAL@
    meta l4proto { tcp, udp, sctp } dnat @FAMILY@ to @IP@ daddr . meta l4proto . th dport map @host
    meta l4proto { tcp, udp, sctp } dnat @FAMILY@ to meta l4proto . th dport map @any
  }
  chain arriving {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump translate
  }
  chain own {
    type nat hook output priority -100; policy accept;
    @SKIP_LOOPBACK@
    fib daddr type local jump translate
  }
  chain going {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat iifname . oifname @same masquerade
    oifname @bridges fib saddr type local masquerade
    iifname vmap @sources
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname vmap @inner
    oifname vmap @entry
    iifname vmap @leave
    @LAST@
  }
}
)";

std::string verdict(bool accept) {
    return accept ? "accept" : "drop";
}

// "add rule" lines of the chain that guards a network.
std::string entry_rules(const BridgeRules& bridge, const std::string& ref) {
    const bool v6 = bridge.subnet.base.v6;
    const auto rule = [&](const std::string& text) {
        return fmt::format("add rule {} in-{} {}\n", ref, bridge.bridge, text);
    };
    std::string text = rule(fmt::format("iifname \"{}\" {}", bridge.bridge, verdict(bridge.icc)));
    if (bridge.internal) return text + rule("drop");
    if (!bridge.icc)
        text =
            rule(fmt::format("iifname \"{0}\" {1} saddr . {1} daddr . meta l4proto . th dport @links accept",
                             bridge.bridge, v6 ? "ip6" : "ip")) +
            text;
    if (bridge.mode == GatewayMode::kRouted)
        text += rule(fmt::format("meta l4proto {} accept", v6 ? "ipv6-icmp" : "icmp"));
    if (bridge.mode == GatewayMode::kNatUnprotected)
        // By the host's ports other networks get in, by containers' own addresses they do not.
        return text + rule("iifname @bridges ct status dnat accept") + rule("iifname @bridges drop") +
               rule("accept");
    text += rule(fmt::format("{} daddr . meta l4proto . th dport @ports accept", v6 ? "ip6" : "ip"));
    return text + rule("drop");
}

bool changes_sources(const BridgeRules& bridge) {
    return bridge.masquerade && !bridge.internal && bridge.mode != GatewayMode::kRouted;
}

}  // namespace

std::string NftTable::base(bool drop_forwarded, bool dormant) const {
    return fill(kBase, {{"REF", ref()},
                        {"ADDR", v6 ? "ipv6_addr" : "ipv4_addr"},
                        {"IP", v6 ? "ip6" : "ip"},
                        {"FAMILY", v6 ? "ip6" : "ip"},
                        // route_localnet makes a bridge a way to what listens on the host's 127.0.0.1.
                        {"CLOSE_LOOPBACK", v6 ? ""
                                              : "iifname @bridges ip daddr 127.0.0.0/8 drop\n"
                                                "    iifname @bridges ip saddr 127.0.0.0/8 drop"},
                        // A link-local source means nothing behind a bridge.
                        {"SKIP_LINK_LOCAL", v6 ? "ip6 saddr fe80::/10 return" : ""},
                        {"SKIP_LOOPBACK", v6 ? "ip6 daddr ::1 return" : ""},
                        // Not as the chain's policy: where a table is replaced, its old chains still stand
                        // for a moment, without their rules.
                        {"LAST", drop_forwarded ? "drop" : ""},
                        {"DORMANT", dormant ? "flags dormant;" : ""}});
}

std::vector<std::string> NftTable::elements(const BridgeRules& bridge) const {
    const auto& name = bridge.bridge;
    std::vector<std::string> list;
    const auto put = [&](const char* set, const std::string& element) {
        list.push_back(fmt::format("element {} {} {{ {} }}", ref(), set, element));
    };
    put("entry", fmt::format("\"{0}\" : jump in-{0}", name));
    put(bridge.internal ? "inner" : "leave", fmt::format("\"{0}\" : jump out-{0}", name));
    if (!bridge.internal) {
        put("bridges", fmt::format("\"{}\"", name));
        put("same", fmt::format("\"{0}\" . \"{0}\"", name));
    }
    if (changes_sources(bridge)) put("sources", fmt::format("\"{0}\" : jump src-{0}", name));
    return list;
}

std::string NftTable::add(const BridgeRules& bridge) const {
    const auto& name = bridge.bridge;
    std::string text;
    for (const char* chain : {"in", "out", "src"})
        text += fmt::format("add chain {0} {1}-{2}\nflush chain {0} {1}-{2}\n", ref(), chain, name);
    text += entry_rules(bridge, ref());
    text += bridge.internal ? fmt::format("add rule {} out-{} oifname != \"{}\" drop\n", ref(), name, name)
                            : fmt::format("add rule {} out-{} accept\n", ref(), name);
    if (changes_sources(bridge))
        text += fmt::format("add rule {0} src-{1} oifname != \"{1}\" {2} saddr {3} {4}\n", ref(), name,
                            v6 ? "ip6" : "ip", bridge.subnet.text(),
                            bridge.source ? "snat to " + bridge.source->text() : "masquerade");
    return text + together(elements(bridge), "add");
}

std::vector<std::string> NftTable::remove(const BridgeRules& bridge) const {
    auto list = elements(bridge);
    for (const char* chain : {"in", "out", "src"})
        list.push_back(fmt::format("chain {} {}-{}", ref(), chain, bridge.bridge));
    for (auto& item : list) {
        // An element of a map is deleted by its key.
        if (const auto colon = item.find(" : jump"); colon != item.npos) item = item.substr(0, colon) + " }";
        item = "delete " + item;
    }
    return list;
}

std::vector<std::string> NftTable::elements(const PublishedContainer& container) const {
    std::vector<std::string> list;
    const auto ip = container.address.text();
    const auto put = [&](const char* set, const std::string& element) {
        put_once(list, fmt::format("element {} {} {{ {} }}", ref(), set, element));
    };
    if (container.mode == GatewayMode::kNat && !container.direct && !container.ports.empty()) {
        put("guarded", ip);
        put("direct", fmt::format("{} . \"{}\"", ip, container.bridge));
        for (const auto& interface : container.trusted)
            put("direct", fmt::format("{} . \"{}\"", ip, interface));
    }
    for (const auto& port : container.ports) {
        const auto inside = fmt::format("{} . {}", port.protocol, port.container_port);
        put("ports", fmt::format("{} . {}", ip, inside));
        if (container.mode == GatewayMode::kRouted) continue;
        const auto outside = fmt::format("{} . {}", port.protocol, port.host_port);
        const auto target = fmt::format("{} . {}", ip, port.container_port);
        if (port.host_ip.unspecified())
            put("any", fmt::format("{} : {}", outside, target));
        else
            put("host", fmt::format("{} . {} : {}", port.host_ip.text(), outside, target));
        if (port.host_ip.loopback()) put("looped", fmt::format("{} . {}", port.host_ip.text(), outside));
    }
    for (const auto& link : container.links)
        put("links", fmt::format("{} . {} . {} . {}", ip, link.address.text(), link.protocol, link.port));
    return list;
}

std::string NftTable::add(const PublishedContainer& container) const {
    return together(elements(container), "add");
}

std::vector<std::string> NftTable::remove(const PublishedContainer& container) const {
    auto list = elements(container);
    for (auto& item : list) {
        if (const auto colon = item.find(" : "); colon != item.npos) item = item.substr(0, colon) + " }";
        item = "delete " + item;
    }
    return list;
}

// Mentioned without its flag, a table would wake up before it goes.
std::string NftTable::gone(bool dormant) const {
    return fmt::format("table {0} {{ {1} }}\ndelete table {0}\n", ref(), dormant ? "flags dormant;" : "");
}

std::string NftTable::whole(const Firewall::Wanted& wanted, bool dormant) const {
    std::string text = gone(dormant) + base(wanted.drop_forwarded, dormant);
    for (const auto& bridge : wanted.bridges) text += add(bridge);
    for (const auto& container : wanted.published) text += add(container);
    return text;
}

}  // namespace berth::network
