#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/sys/netlink.h"
#include "network/ipam/ip.h"

// Links, addresses and routes by rtnetlink, each in the namespace of the socket it is given.
namespace berth::network {

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    // Locally administered, unicast, otherwise random.
    static MacAddress random();
    // 02:42 and the address: who gets a released address gets its MAC too, so that no neighbour's ARP cache
    // is wrong.
    static MacAddress of(Ip address);
    // Six hex pairs with ':' or '-' between, not multicast.
    static std::optional<MacAddress> parse(std::string_view text);
    std::string text() const;  // lower case, ':'
};

struct Link {
    int index = 0;
    int master = 0;  // index of the bridge it is a port of, else 0
    std::string name, kind, alias;
    bool forwarding = false;  // a bridge port that passes frames
};

Result<std::optional<Link>> find_link(sys::NetlinkSocket& socket, const std::string& name);
Result<std::vector<Link>> list_links(sys::NetlinkSocket& socket);

// Created down.
Result<> create_bridge(sys::NetlinkSocket& socket, const std::string& name, int mtu,
                       const std::string& alias);

struct Veth {
    std::string host_name;  // in the socket's namespace, up, a port of `bridge`
    int bridge = 0;
    std::string peer_name;  // in `netns_fd`, still down
    int netns_fd = -1;
    MacAddress peer_mac;
    int mtu = 1500;
};
// Both ends in their places by one message (three cost twice the time).
Result<> create_veth(sys::NetlinkSocket& socket, const Veth& veth);

// What a bridge carries from port to port passes the rules of both families, too. Needs br_netfilter.
Result<> filter_bridged(sys::NetlinkSocket& socket, int index);
Result<> set_link_up(sys::NetlinkSocket& socket, int index);
Result<> set_link_mtu(sys::NetlinkSocket& socket, int index, int mtu);
Result<> delete_link(sys::NetlinkSocket& socket, int index);
// The link once it is a forwarding port. That takes the kernel a moment after both ends of a veth are up, and
// what is sent before is lost (an ARP request: for a second). After 50 ms it is returned as it is.
Result<std::optional<Link>> find_forwarding_link(sys::NetlinkSocket& socket, const std::string& name);
// A bridge port that sends frames back to where they came from: a container reaches itself by its published
// port.
Result<> set_hairpin(sys::NetlinkSocket& socket, int index);
// A bridge port that passes nothing any more and that the bridge sends nothing to, at once and without
// waiting for the kernel to take it down.
Result<> silence_port(sys::NetlinkSocket& socket, int index);
// What the host has learned of the MAC behind an address. Not to know it is no error.
Result<> forget_neighbour(sys::NetlinkSocket& socket, int index, Ip address);

Result<> add_address(sys::NetlinkSocket& socket, int index, const Prefix& address);
Result<std::vector<Prefix>> list_addresses(sys::NetlinkSocket& socket, int index, bool v6);
// Makes `gateway` on link `index` the way to everywhere, whatever the way was before; 0.0.0.0 and :: are no
// gateway, then the link itself is the way.
Result<> set_default_route(sys::NetlinkSocket& socket, int index, Ip gateway);
// Not to have one is no error.
Result<> remove_default_route(sys::NetlinkSocket& socket, bool v6);
// The IPv4 subnets that the host reaches without a gateway.
Result<std::vector<Subnet>> on_link_subnets(sys::NetlinkSocket& socket);

}  // namespace berth::network
