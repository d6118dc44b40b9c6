#include "network/sandbox/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/sys/netlink.h"

namespace berth::network {

// What a flow's tuple says: who, to whom, by which protocol and port.
struct Conntrack::Tuple {
    std::uint32_t source = 0, destination = 0;
    std::uint8_t protocol = 0;
    std::uint16_t destination_port = 0;
};

namespace {

using sys::attribute_value;
using sys::find_attribute;
using sys::NetlinkMessage;

constexpr const char* kCount = "/proc/sys/net/netfilter/nf_conntrack_count";

std::uint16_t conntrack(int message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

template <class Tuple>
Tuple parse_tuple(std::string_view flow, std::uint16_t type) {
    Tuple tuple;
    const auto bytes = find_attribute(flow, type);
    if (!bytes) return tuple;
    if (auto ip = find_attribute(*bytes, CTA_TUPLE_IP)) {
        tuple.source = ntohl(attribute_value<std::uint32_t>(*ip, CTA_IP_V4_SRC).value_or(0));
        tuple.destination = ntohl(attribute_value<std::uint32_t>(*ip, CTA_IP_V4_DST).value_or(0));
    }
    if (auto protocol = find_attribute(*bytes, CTA_TUPLE_PROTO)) {
        tuple.protocol = attribute_value<std::uint8_t>(*protocol, CTA_PROTO_NUM).value_or(0);
        tuple.destination_port =
            ntohs(attribute_value<std::uint16_t>(*protocol, CTA_PROTO_DST_PORT).value_or(0));
    }
    return tuple;
}

void report(const Result<>& result) {
    if (!result) log::debug("cannot flush conntrack", {{"error", result.error().message}});
}

}  // namespace

Result<> Conntrack::forget_if(const std::function<bool(const Tuple& original, const Tuple& reply)>& wanted) {
    // To be told of all flows means that the kernel walks over its whole table, 4 ms, also over an empty one.
    if (const auto count = read_file(kCount); count && *count == "0\n") return {};
    const std::lock_guard lock(mutex_);
    if (!socket_) {
        BERTH_TRY(socket_, sys::NetlinkSocket::open(NETLINK_NETFILTER));
    }
    auto& socket = *socket_;
    const nfgenmsg family{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0};
    NetlinkMessage dump(conntrack(IPCTNL_MSG_CT_GET), NLM_F_DUMP);
    dump.body(family);
    std::vector<std::string> originals;
    std::vector<std::string> ids;
    BERTH_CHECK(socket.request(dump, [&](const sys::NetlinkAnswer& answer) {
        const auto flow = answer.attributes(sizeof family);
        if (!wanted(parse_tuple<Tuple>(flow, CTA_TUPLE_ORIG), parse_tuple<Tuple>(flow, CTA_TUPLE_REPLY)))
            return;
        originals.emplace_back(find_attribute(flow, CTA_TUPLE_ORIG).value_or(std::string_view{}));
        ids.emplace_back(find_attribute(flow, CTA_ID).value_or(std::string_view{}));
    }));
    for (std::size_t i = 0; i < originals.size(); ++i) {
        NetlinkMessage remove(conntrack(IPCTNL_MSG_CT_DELETE));
        remove.body(family).put(CTA_TUPLE_ORIG | NLA_F_NESTED, originals[i]);
        if (!ids[i].empty()) remove.put(CTA_ID, ids[i]);
        if (auto removed = socket.request(remove); !removed && removed.error().sys_errno != ENOENT)
            return removed;
    }
    return {};
}

void Conntrack::forget_connections(Ip address) {
    report(forget_if([&](const Tuple& original, const Tuple& reply) {
        const auto value = static_cast<std::uint32_t>(address.value);
        return original.source == value || original.destination == value || reply.source == value ||
               reply.destination == value;
    }));
}

void Conntrack::forget_udp_flows(const std::set<std::uint16_t>& host_ports) {
    if (host_ports.empty()) return;
    report(forget_if([&](const Tuple& original, const Tuple&) {
        return original.protocol == IPPROTO_UDP && host_ports.count(original.destination_port) > 0;
    }));
}

}  // namespace berth::network
