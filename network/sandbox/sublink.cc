#include "network/sandbox/sublink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace berth::network {
namespace {

using sys::NetlinkMessage;

std::uint32_t macvlan_mode(const std::string& mode) {
    if (mode == "private") return MACVLAN_MODE_PRIVATE;
    if (mode == "vepa") return MACVLAN_MODE_VEPA;
    if (mode == "passthru") return MACVLAN_MODE_PASSTHRU;
    return MACVLAN_MODE_BRIDGE;
}

std::uint16_t ipvlan_mode(const std::string& mode) {
    if (mode == "l3") return IPVLAN_MODE_L3;
    if (mode == "l3s") return IPVLAN_MODE_L3S;
    return IPVLAN_MODE_L2;
}

std::uint16_t ipvlan_flag(const std::string& flag) {
    if (flag == "private") return IPVLAN_F_PRIVATE;
    if (flag == "vepa") return IPVLAN_F_VEPA;
    return 0;
}

// A message that makes a link, up to the attributes of its kind, which `fill` puts.
template <class Fill>
Result<> create(sys::NetlinkSocket& socket, NetlinkMessage& message, const char* kind, Fill fill) {
    const auto info = message.begin(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, kind);
    const auto data = message.begin(IFLA_INFO_DATA);
    fill();
    message.end(data);
    message.end(info);
    return socket.request(message);
}

// The kernel takes an alias only from a link that is there.
Result<> name_owner(sys::NetlinkSocket& socket, const std::string& name, const std::string& alias) {
    NetlinkMessage message(RTM_SETLINK);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC}).put_text(IFLA_IFNAME, name).put(IFLA_IFALIAS, alias);
    return socket.request(message);
}

}  // namespace

Result<> create_sublink(sys::NetlinkSocket& socket, const Sublink& link) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC})
        .put_text(IFLA_IFNAME, link.name)
        .put_value(IFLA_LINK, link.parent)
        .put_value(IFLA_NET_NS_FD, link.netns_fd);
    const bool macvlan = link.kind == "macvlan";
    if (const auto mac = MacAddress::parse(link.mac); mac && macvlan)
        message.put_value(IFLA_ADDRESS, mac->bytes);
    return create(socket, message, link.kind.c_str(), [&] {
        if (macvlan) {
            message.put_value(IFLA_MACVLAN_MODE, macvlan_mode(link.mode));
            return;
        }
        message.put_value(IFLA_IPVLAN_MODE, ipvlan_mode(link.mode));
        message.put_value(IFLA_IPVLAN_FLAGS, ipvlan_flag(link.flag));
    });
}

Result<> create_dummy(sys::NetlinkSocket& socket, const std::string& name, const std::string& alias) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP})
        .put_text(IFLA_IFNAME, name);
    BERTH_CHECK(create(socket, message, "dummy", [] {}));
    return name_owner(socket, name, alias);
}

Result<> create_vlan(sys::NetlinkSocket& socket, const std::string& name, int parent, std::uint16_t id,
                     const std::string& alias) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.body(ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP})
        .put_text(IFLA_IFNAME, name)
        .put_value(IFLA_LINK, parent);
    BERTH_CHECK(create(socket, message, "vlan", [&] { message.put_value(IFLA_VLAN_ID, id); }));
    return name_owner(socket, name, alias);
}

}  // namespace berth::network
