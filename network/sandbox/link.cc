#include "network/sandbox/link.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "engine/base/hex.h"

namespace berth::network {
namespace {

using sys::NetlinkMessage;

std::string text_of(std::optional<std::string_view> bytes) {
    return bytes ? std::string(bytes->substr(0, bytes->find('\0'))) : std::string();
}

Link parse_link(const ifinfomsg& info, std::string_view attributes) {
    Link link;
    link.index = info.ifi_index;
    link.name = text_of(sys::find_attribute(attributes, IFLA_IFNAME));
    link.alias = text_of(sys::find_attribute(attributes, IFLA_IFALIAS));
    link.master = sys::attribute_value<int>(attributes, IFLA_MASTER).value_or(0);
    if (auto details = sys::find_attribute(attributes, IFLA_LINKINFO)) {
        link.kind = text_of(sys::find_attribute(*details, IFLA_INFO_KIND));
        if (auto port = sys::find_attribute(*details, IFLA_INFO_SLAVE_DATA))
            link.forwarding =
                sys::attribute_value<std::uint8_t>(*port, IFLA_BRPORT_STATE) == BR_STATE_FORWARDING;
    }
    return link;
}

Result<std::vector<Link>> get_links(sys::NetlinkSocket& socket, NetlinkMessage& request) {
    std::vector<Link> links;
    BERTH_CHECK(socket.request(request, [&](const sys::NetlinkAnswer& answer) {
        const auto* info = answer.body<ifinfomsg>();
        if (answer.type == RTM_NEWLINK && info)
            links.push_back(parse_link(*info, answer.attributes(sizeof *info)));
    }));
    return links;
}

Result<> change_link(sys::NetlinkSocket& socket, ifinfomsg info, int mtu = 0) {
    NetlinkMessage message(RTM_NEWLINK);
    message.body(info);
    if (mtu) message.put_value(IFLA_MTU, mtu);
    return socket.request(message);
}

// One attribute of a bridge port (IFLA_BRPORT_…).
Result<> set_port(sys::NetlinkSocket& socket, int index, std::uint16_t attribute, std::uint8_t value) {
    NetlinkMessage message(RTM_SETLINK);
    message.body(ifinfomsg{.ifi_family = AF_BRIDGE, .ifi_index = index});
    const auto port = message.begin(IFLA_PROTINFO | NLA_F_NESTED);
    message.put_value(attribute, value);
    message.end(port);
    return socket.request(message);
}

std::optional<Ip> address_of(std::string_view attributes, std::uint16_t type) {
    auto bytes = sys::find_attribute(attributes, type);
    return bytes ? Ip::from_bytes(*bytes) : std::nullopt;
}

std::uint8_t family_of(bool v6) {
    return v6 ? AF_INET6 : AF_INET;
}

NetlinkMessage& default_route(NetlinkMessage& message, bool v6, std::uint8_t scope = RT_SCOPE_UNIVERSE) {
    return message.body(rtmsg{.rtm_family = family_of(v6),
                              .rtm_table = RT_TABLE_MAIN,
                              .rtm_protocol = RTPROT_BOOT,
                              .rtm_scope = scope,
                              .rtm_type = RTN_UNICAST});
}

}  // namespace

MacAddress MacAddress::random() {
    MacAddress mac;
    if (::getrandom(mac.bytes.data(), mac.bytes.size(), 0) != static_cast<ssize_t>(mac.bytes.size()))
        std::abort();
    mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfe) | 0x02);
    return mac;
}

MacAddress MacAddress::of(Ip address) {
    const auto byte = [&](int shift) { return static_cast<std::uint8_t>(address.value >> shift & 0xff); };
    return {{0x02, 0x42, byte(24), byte(16), byte(8), byte(0)}};
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    MacAddress mac;
    if (text.size() != 17) return std::nullopt;
    for (std::size_t i = 0; i < 6; ++i) {
        unsigned value = 0;
        for (char c : text.substr(i * 3, 2)) {
            if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
            if (!is_lower_hex(c)) return std::nullopt;
            value = value * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        if (i < 5 && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-') return std::nullopt;
        mac.bytes[i] = static_cast<std::uint8_t>(value);
    }
    if (mac.bytes[0] & 1) return std::nullopt;
    return mac;
}

std::string MacAddress::text() const {
    const auto hex = to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    std::string text = hex.substr(0, 2);
    for (std::size_t i = 2; i < hex.size(); i += 2) text.append(":").append(hex, i, 2);
    return text;
}

Result<std::optional<Link>> find_link(sys::NetlinkSocket& socket, const std::string& name) {
    NetlinkMessage message(RTM_GETLINK);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC}).put_text(IFLA_IFNAME, name);
    auto links = get_links(socket, message);
    if (!links && links.error().sys_errno == ENODEV) return std::optional<Link>{};
    if (!links) return Failure(std::move(links.error()).in("find link " + name));
    if (links->empty()) return std::optional<Link>{};
    return std::optional<Link>(std::move(links->front()));
}

Result<std::vector<Link>> list_links(sys::NetlinkSocket& socket) {
    NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC});
    return in("list links", get_links(socket, message));
}

Result<> create_bridge(sys::NetlinkSocket& socket, const std::string& name, int mtu,
                       const std::string& alias) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC})
        .put_text(IFLA_IFNAME, name)
        .put_value(IFLA_MTU, mtu)
        .put_value(IFLA_ADDRESS, MacAddress::random().bytes);
    const auto info = message.begin(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "bridge");
    message.end(info);
    BERTH_CHECK(in("create bridge " + name, socket.request(message)));
    // The kernel takes an alias only from a link that is there.
    NetlinkMessage rename(RTM_SETLINK);
    rename.body(ifinfomsg{.ifi_family = AF_UNSPEC}).put_text(IFLA_IFNAME, name).put(IFLA_IFALIAS, alias);
    return in("name the owner of bridge " + name, socket.request(rename));
}

Result<> filter_bridged(sys::NetlinkSocket& socket, int index) {
    NetlinkMessage message(RTM_NEWLINK);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_index = index});
    const auto info = message.begin(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "bridge");
    const auto data = message.begin(IFLA_INFO_DATA);
    for (const auto attribute : {IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES})
        message.put_value(static_cast<std::uint16_t>(attribute), std::uint8_t{1});
    message.end(data);
    message.end(info);
    return in("have a bridge filter", socket.request(message));
}

Result<> create_veth(sys::NetlinkSocket& socket, const Veth& veth) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP})
        .put_text(IFLA_IFNAME, veth.host_name)
        .put_value(IFLA_MTU, veth.mtu)
        .put_value(IFLA_MASTER, veth.bridge);
    const auto info = message.begin(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "veth");
    const auto data = message.begin(IFLA_INFO_DATA);
    const auto peer = message.begin(VETH_INFO_PEER);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC})
        .put_text(IFLA_IFNAME, veth.peer_name)
        .put_value(IFLA_MTU, veth.mtu)
        .put_value(IFLA_ADDRESS, veth.peer_mac.bytes)
        .put_value(IFLA_NET_NS_FD, veth.netns_fd);
    message.end(peer);
    message.end(data);
    message.end(info);
    return in("create veth " + veth.host_name, socket.request(message));
}

Result<> set_link_up(sys::NetlinkSocket& socket, int index) {
    return in("set link up",
              change_link(
                  socket,
                  {.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP}));
}

Result<> set_link_mtu(sys::NetlinkSocket& socket, int index, int mtu) {
    return in("set mtu", change_link(socket, {.ifi_family = AF_UNSPEC, .ifi_index = index}, mtu));
}

Result<> delete_link(sys::NetlinkSocket& socket, int index) {
    NetlinkMessage message(RTM_DELLINK);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_index = index});
    return in("delete link", socket.request(message));
}

Result<std::optional<Link>> find_forwarding_link(sys::NetlinkSocket& socket, const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    for (;;) {
        BERTH_TRY(auto link, find_link(socket, name));
        if (!link || link->forwarding || std::chrono::steady_clock::now() > deadline) return link;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

Result<> set_hairpin(sys::NetlinkSocket& socket, int index) {
    return in("set hairpin mode", set_port(socket, index, IFLA_BRPORT_MODE, 1));
}

Result<> silence_port(sys::NetlinkSocket& socket, int index) {
    BERTH_CHECK(in("disable bridge port", set_port(socket, index, IFLA_BRPORT_STATE, BR_STATE_DISABLED)));
    return in("flush bridge port", set_port(socket, index, IFLA_BRPORT_FLUSH, 1));
}

Result<> forget_neighbour(sys::NetlinkSocket& socket, int index, Ip address) {
    NetlinkMessage message(RTM_DELNEIGH);
    message.body(ndmsg{.ndm_family = family_of(address.v6), .ndm_ifindex = index})
        .put(NDA_DST, address.bytes());
    auto forgotten = socket.request(message);
    if (!forgotten && forgotten.error().sys_errno != ENOENT)
        return in("forget " + address.text(), std::move(forgotten));
    return {};
}

Result<> add_address(sys::NetlinkSocket& socket, int index, const Prefix& address) {
    NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    const std::string local = address.address.bytes();
    // Nobody else has it: looking for duplicates would only hold up its use.
    const std::uint8_t flags = address.address.v6 ? IFA_F_NODAD : 0;
    message
        .body(ifaddrmsg{.ifa_family = family_of(address.address.v6),
                        .ifa_prefixlen = static_cast<std::uint8_t>(address.bits),
                        .ifa_flags = flags,
                        .ifa_scope = RT_SCOPE_UNIVERSE,
                        .ifa_index = static_cast<std::uint32_t>(index)})
        .put(IFA_LOCAL, local)
        .put(IFA_ADDRESS, local);
    if (!address.address.v6 && address.bits < 31) message.put(IFA_BROADCAST, address.subnet().last().bytes());
    return in("add address " + address.text(), socket.request(message));
}

Result<std::vector<Prefix>> list_addresses(sys::NetlinkSocket& socket, int index, bool v6) {
    NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP);
    message.body(ifaddrmsg{.ifa_family = family_of(v6)});
    std::vector<Prefix> addresses;
    BERTH_CHECK(in("list addresses", socket.request(message, [&](const sys::NetlinkAnswer& answer) {
        const auto* info = answer.body<ifaddrmsg>();
        if (answer.type != RTM_NEWADDR || !info || static_cast<int>(info->ifa_index) != index) return;
        if (auto local = address_of(answer.attributes(sizeof *info), v6 ? IFA_ADDRESS : IFA_LOCAL))
            addresses.push_back({*local, info->ifa_prefixlen});
    })));
    return addresses;
}

Result<> set_default_route(sys::NetlinkSocket& socket, int index, Ip gateway) {
    NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
    default_route(message, gateway.v6, gateway.unspecified() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE)
        .put_value(RTA_OIF, index);
    if (!gateway.unspecified()) message.put(RTA_GATEWAY, gateway.bytes());
    return in("set default route by " + gateway.text(), socket.request(message));
}

Result<> remove_default_route(sys::NetlinkSocket& socket, bool v6) {
    NetlinkMessage message(RTM_DELROUTE);
    default_route(message, v6);
    auto removed = socket.request(message);
    if (!removed && removed.error().sys_errno != ESRCH) return in("remove default route", std::move(removed));
    return {};
}

Result<std::vector<Subnet>> on_link_subnets(sys::NetlinkSocket& socket) {
    NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP);
    message.body(rtmsg{.rtm_family = AF_INET});
    std::vector<Subnet> subnets;
    BERTH_CHECK(in("list routes", socket.request(message, [&](const sys::NetlinkAnswer& answer) {
        const auto* route = answer.body<rtmsg>();
        if (answer.type != RTM_NEWROUTE || !route) return;
        if (route->rtm_scope != RT_SCOPE_LINK || route->rtm_type != RTN_UNICAST) return;
        auto destination = address_of(answer.attributes(sizeof *route), RTA_DST);
        if (destination && !destination->unspecified())
            subnets.push_back(Subnet::of(*destination, route->rtm_dst_len));
    })));
    return subnets;
}

}  // namespace berth::network
