#include "engine/executor/net_devices.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <vector>

#include "engine/base/files.h"
#include "engine/sys/netlink.h"

namespace berth::executor {

namespace {

using sys::NetlinkMessage;
using sys::NetlinkSocket;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// As the kernel's dev_valid_name().
bool is_device_name(const std::string& name) {
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           name.find_first_of("/: \t\n\v\f\r") == std::string::npos;
}

struct Address {
    ifaddrmsg header{};
    std::string local, address, broadcast;
};

Result<int> index_of(NetlinkSocket& socket, const std::string& name) {
    NetlinkMessage message(RTM_GETLINK);
    message.body(ifinfomsg{}).put_text(IFLA_IFNAME, name);
    int index = 0;
    BERTH_CHECK(in("network device " + name, socket.request(message, [&](const sys::NetlinkAnswer& answer) {
        if (const auto* link = answer.body<ifinfomsg>()) index = link->ifi_index;
    })));
    return index;
}

// Permanent ones that mean something elsewhere, too.
Result<std::vector<Address>> addresses_of(NetlinkSocket& socket, int index) {
    NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP);
    message.body(ifaddrmsg{});
    std::vector<Address> out;
    BERTH_CHECK(socket.request(message, [&](const sys::NetlinkAnswer& answer) {
        const auto* header = answer.body<ifaddrmsg>();
        if (answer.type != RTM_NEWADDR || header == nullptr || static_cast<int>(header->ifa_index) != index)
            return;
        std::string_view all = answer.attributes(sizeof *header);
        auto flags = sys::attribute_value<std::uint32_t>(all, IFA_FLAGS).value_or(header->ifa_flags);
        if ((flags & IFA_F_PERMANENT) == 0 || header->ifa_scope != RT_SCOPE_UNIVERSE) return;
        auto bytes = [&](std::uint16_t type) {
            return std::string(sys::find_attribute(all, type).value_or(std::string_view()));
        };
        out.push_back({*header, bytes(IFA_LOCAL), bytes(IFA_ADDRESS), bytes(IFA_BROADCAST)});
    }));
    return out;
}

Result<> set_link(NetlinkSocket& socket, int index, unsigned flags) {
    NetlinkMessage message(RTM_NEWLINK);
    ifinfomsg link{};
    link.ifi_index = index;
    link.ifi_change = IFF_UP;
    link.ifi_flags = flags;
    message.body(link);
    return socket.request(message);
}

Result<> add_address(NetlinkSocket& socket, int index, const Address& address) {
    NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    ifaddrmsg header{};
    header.ifa_family = address.header.ifa_family;
    header.ifa_prefixlen = address.header.ifa_prefixlen;
    header.ifa_index = static_cast<unsigned>(index);
    message.body(header);
    if (!address.local.empty()) message.put(IFA_LOCAL, address.local);
    if (!address.address.empty()) message.put(IFA_ADDRESS, address.address);
    if (!address.broadcast.empty()) message.put(IFA_BROADCAST, address.broadcast);
    return socket.request(message);
}

// A socket that belongs to another namespace than its user.
Result<NetlinkSocket> open_inside(int space) {
    BERTH_TRY(UniqueFd own, open_file("/proc/self/ns/net", O_RDONLY));
    if (::setns(space, CLONE_NEWNET) != 0) return fail_errno("join the container's network namespace");
    auto socket = NetlinkSocket::open();
    if (::setns(own.get(), CLONE_NEWNET) != 0) return fail_errno("return to the own network namespace");
    return socket;
}

Result<> move_device(NetlinkSocket& outside, NetlinkSocket& inside, int space, const std::string& name,
                     const std::string& new_name) {
    BERTH_TRY(int index, index_of(outside, name));
    // Nobody on the host is to see it half gone.
    BERTH_CHECK(in("set " + name + " down", set_link(outside, index, 0)));
    BERTH_TRY(auto addresses, addresses_of(outside, index));
    NetlinkMessage move(RTM_NEWLINK);
    ifinfomsg link{};
    link.ifi_index = index;
    move.body(link).put_text(IFLA_IFNAME, new_name).put_value(IFLA_NET_NS_FD, space);
    BERTH_CHECK(in("move network device " + name + " to " + new_name, outside.request(move)));
    // It may have got another number there.
    BERTH_TRY(index, index_of(inside, new_name));
    for (const Address& address : addresses)
        BERTH_CHECK(in("add an address to " + new_name, add_address(inside, index, address)));
    return in("set " + new_name + " up", set_link(inside, index, IFF_UP));
}

}  // namespace

Result<> check_net_devices(const oci::RuntimeSpec& spec, const Spaces& spaces, const Options& options) {
    if (spec.linux_.net_devices.empty()) return {};
    if (!spaces.has(CLONE_NEWNET)) return bad("unable to move network devices without a NET namespace");
    if (options.rootless) return bad("network devices are not supported for rootless containers");
    for (const auto& [name, device] : spec.linux_.net_devices) {
        for (const std::string& one : {name, device.name.empty() ? name : device.name}) {
            if (!is_device_name(one)) return bad("invalid network device name \"" + one + "\"");
        }
    }
    return {};
}

Result<> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, pid_t pid) {
    if (devices.empty()) return {};
    BERTH_TRY(UniqueFd space, open_file("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    BERTH_TRY(NetlinkSocket outside, NetlinkSocket::open());
    BERTH_TRY(NetlinkSocket inside, open_inside(space.get()));
    for (const auto& [name, device] : devices)
        BERTH_CHECK(
            move_device(outside, inside, space.get(), name, device.name.empty() ? name : device.name));
    return {};
}

}  // namespace berth::executor
