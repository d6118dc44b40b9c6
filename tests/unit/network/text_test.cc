#include <gtest/gtest.h>

#include "network/firewall/saved_rules.h"
#include "network/resolv_conf.h"

namespace berth::network {
namespace {

TEST(ResolvConf, LeavesOutWhatContainersCannotReach) {
    const char* host =
        "# c\nnameserver 127.0.0.1\nnameserver 192.0.2.53\nnameserver 2001:db8::1\n"
        "domain old\nsearch a.b c.d\noptions edns0\noptions ndots:2\nsortlist 1.2.3.0\n";
    auto text = render_resolv_conf(host, Resolver::kServers, {});
    ASSERT_TRUE(text);
    EXPECT_EQ(text->substr(text->find("nameserver")),
              "nameserver 192.0.2.53\nsearch a.b c.d\noptions edns0 ndots:2\nsortlist 1.2.3.0\n");
    auto same = render_resolv_conf(host, Resolver::kHost, {});
    ASSERT_TRUE(same);
    EXPECT_NE(same->find("nameserver 127.0.0.1\nnameserver 192.0.2.53\nnameserver 2001:db8::1\n"),
              same->npos);
}

TEST(ResolvConf, FallsBackAndOverrides) {
    auto text = render_resolv_conf("nameserver 127.0.0.53\nsearch x\n", Resolver::kServers, {});
    ASSERT_TRUE(text);
    EXPECT_NE(text->find("nameserver 8.8.8.8\nnameserver 8.8.4.4\n"), text->npos);
    text = render_resolv_conf("search x\noptions y\n", Resolver::kServers,
                              {{"127.0.0.1", "fd00::1"}, {"."}, {"ndots:3"}});
    ASSERT_TRUE(text);
    EXPECT_EQ(text->substr(text->find("nameserver")),
              "nameserver 127.0.0.1\nnameserver fd00::1\noptions ndots:3\n");
    auto bad = render_resolv_conf("", Resolver::kServers, {{"nope"}, {}, {}});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message, "bad nameserver address nope");
}

TEST(SavedRules, FindsChainsAndRules) {
    const auto saved = SavedRules::parse(
        "# x\n*filter\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\n-A FORWARD -j DOCKER\n"
        "COMMIT\n*nat\n:DOCKER - [0:0]\nCOMMIT\n");
    EXPECT_TRUE(saved.has(Chain{"nat", "DOCKER"}));
    EXPECT_FALSE(saved.has(Chain{"nat", "FORWARD"}));
    EXPECT_TRUE(saved.has(Rule{"filter", "FORWARD", "-j DOCKER"}));
    EXPECT_FALSE(saved.has(Rule{"nat", "FORWARD", "-j DOCKER"}));
}

TEST(Rules, NoneWithoutPortsAndOnceEach) {
    const Ip container = *Ip::parse("172.17.0.2");
    EXPECT_TRUE(port_rules({.bridge = "docker0", .address = container}).empty());
    const auto rules = port_rules(
        {.bridge = "docker0", .address = container, .ports = {{"tcp", {}, 8080, 80}, {"tcp", {}, 8081, 80}}});
    for (const auto& rule : rules) EXPECT_EQ(std::count(rules.begin(), rules.end(), rule), 1) << rule.spec;
}

TEST(Rules, StraysAreKnownByTheirShape) {
    BridgeRules bridge{"docker0", *Subnet::parse("172.17.0.0/16")};
    PublishedContainer one{.bridge = "docker0",
                           .address = *Ip::parse("172.17.0.2"),
                           .trusted = {"eth1"},
                           .ports = {{"tcp", {}, 8080, 80}, {"udp", *Ip::parse("192.0.2.2"), 53, 53}},
                           .links = {{*Ip::parse("172.17.0.3"), "tcp", 80}}};
    for (const auto mode : {GatewayMode::kNat, GatewayMode::kRouted, GatewayMode::kNatUnprotected}) {
        bridge.mode = one.mode = mode;
        for (const auto& rule : port_rules(one))
            EXPECT_TRUE(belongs_to(rule, bridge)) << rule.chain << " " << rule.spec;
        for (const auto& rule : bridge_rules(bridge)) EXPECT_TRUE(belongs_to(rule, bridge)) << rule.spec;
        bridge.source = Ip::parse("192.0.2.1");
    }
    for (const auto& rule : base_rules(false)) EXPECT_FALSE(belongs_to(rule, bridge)) << rule.spec;
    for (const auto& rule : head_rules()) EXPECT_FALSE(belongs_to(rule, bridge)) << rule.spec;
    one = {.bridge = "other0", .address = *Ip::parse("172.18.0.2"), .ports = {{"tcp", {}, 8080, 80}}};
    for (const auto& rule : port_rules(one))
        EXPECT_FALSE(belongs_to(rule, bridge)) << rule.chain << " " << rule.spec;
    EXPECT_TRUE(belongs_to({"nat", "DOCKER", "-i docker0 -j RETURN"}, bridge));
    EXPECT_FALSE(belongs_to({"nat", "DOCKER", "-i docker1 -j RETURN"}, bridge));
    EXPECT_FALSE(belongs_to({"filter", "DOCKER-USER", "-d 172.17.0.2/32 -j DROP"}, bridge));
}

}  // namespace
}  // namespace berth::network
