#include <gtest/gtest.h>

#include "network/ipam/address_pools.h"
#include "network/ipam/address_set.h"
#include "network/ipam/check.h"

namespace berth::network {
namespace {

Subnet subnet(const char* text) {
    return *Subnet::parse(text);
}

TEST(Ip, ParsesAndRefuses) {
    EXPECT_EQ(Ip::parse("172.17.0.1")->text(), "172.17.0.1");
    for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", ":::1"})
        EXPECT_FALSE(Ip::parse(bad));
    for (const char* bad : {"1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8x"})
        EXPECT_FALSE(Prefix::parse(bad)) << bad;
    EXPECT_EQ(subnet("10.1.2.3/8").text(), "10.0.0.0/8");
    EXPECT_EQ(subnet("0.0.0.0/0").last().text(), "255.255.255.255");
}

TEST(AddressPools, LeaveOutWhatTheHostUses) {
    const auto first = [](std::vector<Subnet> used) {
        return first_free_subnet(default_pools(), false, used)->text();
    };
    EXPECT_EQ(first({}), "172.17.0.0/16");
    EXPECT_EQ(first({subnet("172.17.3.0/24")}), "172.18.0.0/16");
    EXPECT_EQ(first({subnet("172.16.0.0/13")}), "172.24.0.0/16");
    EXPECT_EQ(first({subnet("172.16.0.0/12")}), "192.168.0.0/20");
    EXPECT_EQ(first({subnet("172.16.0.0/12"), subnet("192.168.1.0/24")}), "192.168.16.0/20");
    EXPECT_FALSE(first_free_subnet(default_pools(), false, {subnet("0.0.0.0/0")}));
}

TEST(AddressPools, ParseOwnPools) {
    auto pools = parse_pools({"10.10.0.0/16/24"});
    ASSERT_TRUE(pools);
    EXPECT_EQ(first_free_subnet(*pools, false, {subnet("10.10.0.5/32")})->text(), "10.10.1.0/24");
    for (const char* bad : {"", "10.0.0.0", "10.0.0.0/16", "10.0.0.0/16/8", "10.0.0.0/16/31", "x/16/24"})
        EXPECT_FALSE(parse_pools({bad})) << bad;
}

TEST(AddressSet, GivesTheLowestFreeAndReusesIt) {
    AddressSet set(subnet("10.0.0.0/29"));
    EXPECT_TRUE(set.take(*Ip::parse("10.0.0.1")));
    EXPECT_FALSE(set.take(*Ip::parse("10.0.0.1")));
    EXPECT_FALSE(set.take(*Ip::parse("10.0.0.8")));
    EXPECT_EQ(set.take_first()->text(), "10.0.0.2");
    EXPECT_EQ(set.take_first()->text(), "10.0.0.3");
    set.release(*Ip::parse("10.0.0.2"));
    EXPECT_EQ(set.take_first()->text(), "10.0.0.2");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(set.take_first());
    EXPECT_FALSE(set.take_first()) << "the broadcast address was given out";
}

TEST(Ip, BothFamilies) {
    EXPECT_EQ(Ip::parse("fd00:0::0001")->text(), "fd00::1");
    EXPECT_EQ(subnet("fd00:1:2:3:4::5/64").last().text(), "fd00:1:2:3:ffff:ffff:ffff:ffff");
    EXPECT_FALSE(subnet("::/0").contains(*Ip::parse("10.0.0.1")));
    EXPECT_EQ(Ip::from_bytes(Ip::parse("fd00::12")->bytes()), Ip::parse("fd00::12"));
    EXPECT_EQ(first_free_subnet({local_ipv6_pool("seed")}, true, {})->bits, 64);
    AddressSet set(subnet("fd00::/64"));
    EXPECT_EQ(set.take_first()->text(), "fd00::1");
}

TEST(AddressSet, ARangeAndItsEnd) {
    AddressSet set(subnet("10.0.0.0/16"), subnet("10.0.7.0/31"));
    EXPECT_EQ(set.take_first()->text(), "10.0.7.0");
    EXPECT_EQ(set.take_first()->text(), "10.0.7.1");
    EXPECT_FALSE(set.take_first());
    EXPECT_TRUE(set.take(*Ip::parse("10.0.1.1")));
}

TEST(Ipam, SaysAllThatIsWrong) {
    EXPECT_TRUE(check_ipam({{"10.0.0.0/8", "10.1.0.0/16", "10.0.0.1", {{"a", "10.0.0.2"}}}}, false));
    EXPECT_TRUE(check_ipam({{"fd00::1/64", "", "", {}}}, false)) << "not asked for";
    EXPECT_FALSE(check_ipam({{"fd00::1/64", "", "", {}}}, true));
    const auto wrong = check_ipam({{"10.0.0.0/8", "fd00::/64", "x", {}}}, false);
    EXPECT_EQ(wrong.error().message,
              "invalid network config:\n* invalid ip-range fd00::/64: parent subnet is an IPv4 block\n"
              "* invalid gateway x: invalid address");
}

}  // namespace
}  // namespace berth::network
