#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "network/sandbox/netns.h"
#include "tests/unit/network/fixture.h"

namespace berth::network {
namespace {

using testing::HasSubstr;

PortBinding port(std::uint16_t container, std::uint16_t host, const char* protocol = "tcp",
                 const char* ip = "") {
    return {.container_port = container, .protocol = protocol, .host_ip = ip, .host_port = host};
}

std::string rules() {
    return shell("iptables-save | grep -v '^[#:]'");
}
std::string veths() {
    return shell("ip -o link show type veth master docker0");
}

class ServiceTest : public HostTest {
 protected:
    void SetUp() override {
        HostTest::SetUp();
        if (!IsSkipped() && !HasFatalFailure()) restart({});
    }
};

TEST_F(ServiceTest, ContainersReachTheGatewayTheOutsideAndEachOther) {
    auto a = attach("a");
    ASSERT_TRUE(a) << a.error().message;
    auto b = attach("b");
    ASSERT_TRUE(b) << b.error().message;
    EXPECT_EQ(a->endpoints[0].ip_address, "172.17.0.2");
    EXPECT_EQ(b->endpoints[0].ip_address, "172.17.0.3");
    EXPECT_EQ(a->endpoints[0].gateway, "172.17.0.1");
    const auto at_b = serve(b->key, "tcp", 80);
    EXPECT_EQ(talk(a->key, "tcp", "172.17.0.3", 80, at_b), "172.17.0.2");
    const auto at_host = serve("", "tcp", 81);
    EXPECT_EQ(talk(a->key, "tcp", "172.17.0.1", 81, at_host), "172.17.0.2");
    const auto at_outside = serve(outside(), "udp", 53);
    EXPECT_EQ(talk(a->key, "udp", "198.51.100.2", 53, at_outside), "198.51.100.1") << "not masqueraded";
    EXPECT_TRUE(out_of_reach(outside(), "tcp", "172.17.0.3", 80, at_b)) << "reached without being published";
    EXPECT_EQ(shell("nsenter --net=" + a->key + " cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6"), "1\n");
}

TEST_F(ServiceTest, PublishedPortsFromEverywhere) {
    auto other = attach("other");
    ASSERT_TRUE(other);
    for (const char* protocol : {"tcp", "udp"}) {
        SCOPED_TRACE(protocol);
        auto web = attach("web", {port(80, 8080, protocol), port(81, 8081, protocol, "127.0.0.1")});
        ASSERT_TRUE(web) << web.error().message;
        const auto server = serve(web->key, protocol, 80);
        EXPECT_EQ(talk(outside(), protocol, "198.51.100.1", 8080, server), "198.51.100.2");
        EXPECT_NE(talk("", protocol, "198.51.100.1", 8080, server), "") << "host by its address";
        EXPECT_NE(talk("", protocol, "127.0.0.1", 8080, server), "") << "host by 127.0.0.1";
        EXPECT_NE(talk("", protocol, "172.17.0.1", 8080, server), "") << "host by the gateway";
        EXPECT_NE(talk("", protocol, "172.17.0.3", 80, server), "") << "host directly";
        EXPECT_EQ(talk(other->key, protocol, "198.51.100.1", 8080, server), "172.17.0.1")
            << "another container, as by docker's proxy";
        EXPECT_NE(talk(web->key, protocol, "198.51.100.1", 8080, server), "") << "hairpin";
        EXPECT_TRUE(out_of_reach(outside(), protocol, "172.17.0.3", 80, server)) << "past the published port";

        const auto local = serve(web->key, protocol, 81);
        EXPECT_NE(talk("", protocol, "127.0.0.1", 8081, local), "");
        EXPECT_TRUE(out_of_reach(outside(), protocol, "198.51.100.1", 8081, local));
        ASSERT_TRUE(service_->detach("web"));
    }
}

TEST_F(ServiceTest, LoopbackPortsAreClosedToNeighboursAndContainers) {
    auto web = attach("web", {port(80, 8080, "tcp", "127.0.0.1")});
    ASSERT_TRUE(web);
    const auto server = serve(web->key, "tcp", 80);
    const auto on_host = serve("", "udp", 9);
    for (const auto& from : {outside(), web->key}) {
        shell("nsenter --net=" + from +
              " sh -c 'ip route add 127.0.0.1/32 via $(ip -4 r | sed -n \"s/default via //p\" |"
              " cut -d\" \" -f1) table 7; ip rule add to 127.0.0.1 lookup 7 pref 0; ip rule del pref 0 "
              "lookup local; "
              "ip rule add pref 1 lookup local; echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet'");
        EXPECT_TRUE(out_of_reach(from, "tcp", "127.0.0.1", 8080, server));
        EXPECT_TRUE(out_of_reach(from, "udp", "127.0.0.1", 9, on_host));
    }
}

TEST_F(ServiceTest, NothingIsLeftAfterDetach) {
    const auto before = rules();
    ASSERT_TRUE(attach("plain"));
    EXPECT_EQ(rules(), before) << "a rule for a container that publishes nothing";
    auto web = attach("web", {port(80, 8080), port(53, 5353, "udp", "127.0.0.1")});
    ASSERT_TRUE(web);
    EXPECT_NE(rules(), before);
    EXPECT_TRUE(sink_.actions.empty()) << "of a container without a process";
    service_->announce("web");
    service_->announce("nobody");
    ASSERT_TRUE(service_->detach("web"));
    ASSERT_TRUE(service_->detach("web")) << "idempotent";
    ASSERT_TRUE(service_->detach("plain"));
    EXPECT_EQ(rules(), before);
    EXPECT_TRUE(list_folder(state() + "/netns")->empty());
    EXPECT_TRUE(list_folder(state() + "/network")->empty());
    EXPECT_TRUE(comes_true([] { return veths().empty(); })) << veths();
    EXPECT_TRUE(shell("ss -Hlntu").empty()) << shell("ss -Hlntu");
    EXPECT_EQ(attach("next")->endpoints[0].ip_address, "172.17.0.2") << "addresses are reused";
    EXPECT_EQ(sink_.actions,
              (std::vector<std::string>{"network connect", "network disconnect", "network disconnect"}));
}

TEST_F(ServiceTest, PortConflictsSpeakLikeDocker) {
    ASSERT_TRUE(attach("first", {port(80, 8080)}));
    const auto message = [&](PortBinding binding) {
        auto result = attach("second", {binding});
        return result ? std::string("attached") : result.error().message;
    };
    const auto before = rules();
    EXPECT_THAT(message(port(80, 8080)),
                HasSubstr("Bind for 0.0.0.0:8080 failed: port is already allocated"));
    EXPECT_THAT(message(port(80, 8080, "tcp", "127.0.0.1")),
                HasSubstr("driver failed programming external connectivity on endpoint second ("));
    const auto process = serve("", "tcp", 7000);
    EXPECT_THAT(
        message(port(80, 7000)),
        HasSubstr("failed to bind host port for 0.0.0.0:7000:172.17.0.3:80/tcp: address already in use"));
    EXPECT_THAT(message(port(80, 7000, "tcp", "127.0.0.1")), HasSubstr("address already in use"));
    EXPECT_THAT(message(port(80, 81, "tcp", "203.0.113.9")), HasSubstr("cannot assign requested address"));
    EXPECT_THAT(message(port(80, 81, "tcp", "::1")), HasSubstr("::1"));
    auto range = port(80, 8080);
    range.host_port_end = 8081;
    auto third = attach("third", {range});
    ASSERT_TRUE(third);
    EXPECT_EQ(third->ports[0].host_port, 8081);
    EXPECT_THAT(message(range), HasSubstr("all ports are allocated"));
    ASSERT_TRUE(service_->detach("third"));
    EXPECT_EQ(rules(), before) << "something is left of what failed";
    EXPECT_EQ(list_folder(state() + "/netns")->size(), 1u);
    auto any = attach("any", {port(80, 0)});
    ASSERT_TRUE(any);
    EXPECT_GE(any->ports[0].host_port, 32768);
}

TEST_F(ServiceTest, UdpFlowsFollowThePortToItsNextOwner) {
    ASSERT_TRUE(attach("first", {port(53, 5353, "udp")}));
    auto second = attach("second");
    ASSERT_TRUE(second);
    const auto client = connected_udp(outside(), "198.51.100.1", 5353);
    ASSERT_EQ(::send(client.get(), "word", 4, 0), 4);
    ASSERT_TRUE(
        comes_true([] { return shell("cat /proc/net/nf_conntrack").find("5353") != std::string::npos; }));
    ASSERT_TRUE(service_->detach("first"));
    // Between owners the host refuses, and remembers an untranslated flow.
    ::send(client.get(), "word", 4, 0);
    ASSERT_TRUE(attach("taker"));  // the old address
    auto next = attach("next", {port(53, 5353, "udp")});
    ASSERT_TRUE(next);
    const auto server = serve(next->key, "udp", 53);
    EXPECT_TRUE(comes_true([&] {
        ::send(client.get(), "word", 4, 0);
        pollfd arrives{.fd = server.get(), .events = POLLIN, .revents = 0};
        return ::poll(&arrives, 1, 200) == 1;
    }));
}

TEST_F(ServiceTest, NoneHasLoopbackAlone) {
    auto none = attach("none", {}, "none");
    ASSERT_TRUE(none);
    EXPECT_EQ(shell("nsenter --net=" + none->key + " ip -o -4 addr | wc -l"), "1\n");
    EXPECT_EQ(service_->members(service_->inspect("none")->id).size(), 1u);
    EXPECT_FALSE(attach("x", {}, "nope"));
    ASSERT_TRUE(service_->detach("none"));
}

TEST_F(ServiceTest, SurvivesSigkill) {
    service_.reset();
    database_.reset();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        restart({});
        const bool good =
            attach("live", {port(80, 8080)}) && attach("dead", {port(80, 8090)}) && attach("plain");
        if (!good) ::_exit(1);
        ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto flushed = shell("iptables -t nat -F DOCKER; iptables -F DOCKER-FORWARD");
    restart({"live"});
    auto live = service_->find("live");
    ASSERT_TRUE(live);
    EXPECT_FALSE(service_->find("dead"));
    const auto server = serve(live->key, "tcp", 80);
    EXPECT_EQ(talk(outside(), "tcp", "198.51.100.1", 8080, server), "198.51.100.2") << rules();
    EXPECT_THAT(rules(), testing::Not(HasSubstr("8090")));
    EXPECT_EQ(list_folder(state() + "/netns")->size(), 1u);
    EXPECT_TRUE(
        comes_true([] { return shell("ip -o link show type veth master docker0 | wc -l") == "1\n"; }));
    EXPECT_FALSE(attach("x", {port(80, 8080)})) << "an adopted port was given away";
    EXPECT_EQ(attach("y")->endpoints[0].ip_address, "172.17.0.3") << "of the dead one, beside the adopted";
    const auto before = rules();
    restart({"live", "y"});
    EXPECT_EQ(rules(), before) << "a start with nothing to repair changed rules";
    ASSERT_TRUE(service_->detach("live"));
    ASSERT_TRUE(service_->detach("y"));
    EXPECT_THAT(rules(), testing::Not(HasSubstr("8080")));
}

TEST_F(ServiceTest, ForeignRulesStay) {
    shell(
        "iptables -A DOCKER-USER -s 203.0.113.0/24 -j DROP; iptables -t nat -A DOCKER -p tcp --dport 99 -j "
        "DNAT "
        "--to-destination 172.18.0.2:99; iptables -I FORWARD -s 203.0.113.7 -j ACCEPT");
    ASSERT_TRUE(attach("web", {port(80, 8080)}));
    restart({"web"});
    ASSERT_TRUE(service_->detach("web"));
    const auto all = rules();
    EXPECT_THAT(all, HasSubstr("-A DOCKER-USER -s 203.0.113.0/24 -j DROP"));
    EXPECT_THAT(all, HasSubstr("--to-destination 172.18.0.2:99"));
    EXPECT_THAT(all, HasSubstr("-A FORWARD -s 203.0.113.7/32 -j ACCEPT"));
    EXPECT_THAT(shell("iptables -S FORWARD"), HasSubstr("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n"));
}

TEST_F(ServiceTest, TwoEnginesNeverShareABridge) {
    NetworkConfig config;
    config.state_dir = folder_->path() + "/second";
    auto second = open_network_service(config, *database_, sink_);
    ASSERT_TRUE(second);
    auto refused = (*second)->recover({});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
    config.bridge = "berth9";
    second = open_network_service(config, *database_, sink_);
    ASSERT_TRUE(second);
    ASSERT_TRUE((*second)->recover({}));
    EXPECT_EQ((*second)->inspect("bridge")->pools.at(0).subnet, "172.18.0.0/16");
}

TEST_F(ServiceTest, PredefinedNetworksKeepTheirIds) {
    const auto before = service_->list();
    ASSERT_EQ(before.size(), 3u);
    restart({});
    const auto after = service_->list();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(before[i].id, after[i].id);
    EXPECT_EQ(service_->inspect(before[2].id.substr(0, 12))->name, "bridge");
    EXPECT_EQ(service_->inspect("x").error().message, "network x not found");
}

}  // namespace
}  // namespace berth::network
