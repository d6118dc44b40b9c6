#include "network/names/resolver_sockets.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "engine/base/log.h"
#include "engine/sys/netlink.h"

namespace berth::network {
namespace {

using sys::NetlinkMessage;

constexpr std::uint32_t kAddress = 0x7f00000b;  // 127.0.0.11
constexpr std::uint16_t kDns = 53;
constexpr int kUdpToAsk = 20, kTcpToAsk = 8;
constexpr const char* kTable = "berth-resolver";
constexpr const char* kChain = "output";

struct Bound {
    UniqueFd socket;
    std::uint16_t port = 0;
};

Result<Bound> bind_socket(int type, std::uint16_t port) {
    Bound bound;
    bound.socket.reset(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!bound.socket) return fail_errno("create resolver socket");
    const int on = 1;
    ::setsockopt(bound.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(kAddress)}};
    auto* name = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(bound.socket.get(), name, size) != 0) return fail_errno("bind resolver socket");
    // Room for what comes while netd answers others.
    const int room = 1 << 20;
    if (type == SOCK_DGRAM) ::setsockopt(bound.socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (type == SOCK_STREAM && ::listen(bound.socket.get(), 128) != 0) return fail_errno("listen");
    if (::getsockname(bound.socket.get(), name, &size) != 0) return fail_errno("getsockname");
    bound.port = ntohs(address.sin_port);
    return bound;
}

NetlinkMessage nft_message(int type, std::uint16_t flags) {
    NetlinkMessage message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), flags);
    message.body(nfgenmsg{.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0, .res_id = 0});
    return message;
}

void put_be32(NetlinkMessage& message, std::uint16_t type, std::uint32_t value) {
    message.put_value(type, htonl(value));
}

// One expression of a rule: its kind, and what `fill` puts into its data.
template <class Fill>
void expression(NetlinkMessage& message, const char* kind, Fill fill) {
    const auto element = message.begin(NFTA_LIST_ELEM | NLA_F_NESTED);
    message.put_text(NFTA_EXPR_NAME, kind);
    const auto data = message.begin(NFTA_EXPR_DATA | NLA_F_NESTED);
    fill();
    message.end(data);
    message.end(element);
}

template <class T>
void value(NetlinkMessage& message, std::uint16_t type, const T& bytes) {
    const auto data = message.begin(type | NLA_F_NESTED);
    message.put_value(NFTA_DATA_VALUE, bytes);
    message.end(data);
}

template <class T>
void compare(NetlinkMessage& message, const T& bytes) {
    expression(message, "cmp", [&] {
        put_be32(message, NFTA_CMP_SREG, NFT_REG_1);
        put_be32(message, NFTA_CMP_OP, NFT_CMP_EQ);
        value(message, NFTA_CMP_DATA, bytes);
    });
}

void load(NetlinkMessage& message, std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
    expression(message, "payload", [&] {
        put_be32(message, NFTA_PAYLOAD_DREG, NFT_REG_1);
        put_be32(message, NFTA_PAYLOAD_BASE, base);
        put_be32(message, NFTA_PAYLOAD_OFFSET, offset);
        put_be32(message, NFTA_PAYLOAD_LEN, length);
    });
}

// ip daddr 127.0.0.11 PROTOCOL dport 53 dnat to :PORT
NetlinkMessage redirect_rule(std::uint8_t protocol, std::uint16_t port) {
    auto message = nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    message.put_text(NFTA_RULE_TABLE, kTable).put_text(NFTA_RULE_CHAIN, kChain);
    const auto list = message.begin(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
    expression(message, "meta", [&] {
        put_be32(message, NFTA_META_DREG, NFT_REG_1);
        put_be32(message, NFTA_META_KEY, NFT_META_L4PROTO);
    });
    compare(message, protocol);
    load(message, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
    compare(message, htonl(kAddress));
    load(message, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
    compare(message, htons(kDns));
    expression(message, "immediate", [&] {
        put_be32(message, NFTA_IMMEDIATE_DREG, NFT_REG_1);
        value(message, NFTA_IMMEDIATE_DATA, htons(port));
    });
    expression(message, "nat", [&] {
        put_be32(message, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        put_be32(message, NFTA_NAT_FAMILY, NFPROTO_IPV4);
        put_be32(message, NFTA_NAT_REG_PROTO_MIN, NFT_REG_1);
    });
    message.end(list);
    return message;
}

Result<> redirect(std::uint16_t udp_port, std::uint16_t tcp_port) {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open(NETLINK_NETFILTER));
    std::vector<NetlinkMessage> messages;
    messages.push_back(nft_message(NFT_MSG_NEWTABLE, NLM_F_CREATE));
    messages.back().put_text(NFTA_TABLE_NAME, kTable);
    messages.push_back(nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE));
    auto& chain = messages.back();
    chain.put_text(NFTA_CHAIN_TABLE, kTable).put_text(NFTA_CHAIN_NAME, kChain);
    const auto hook = chain.begin(NFTA_CHAIN_HOOK | NLA_F_NESTED);
    put_be32(chain, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
    put_be32(chain, NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(-100));  // dstnat
    chain.end(hook);
    chain.put_text(NFTA_CHAIN_TYPE, "nat");
    messages.push_back(redirect_rule(IPPROTO_UDP, udp_port));
    messages.push_back(redirect_rule(IPPROTO_TCP, tcp_port));
    return socket.transaction(messages, NFNL_SUBSYS_NFTABLES);
}

Result<> bind_both(ResolverSockets& sockets, std::uint16_t udp, std::uint16_t tcp) {
    BERTH_TRY(auto datagrams, bind_socket(SOCK_DGRAM, udp));
    BERTH_TRY(auto streams, bind_socket(SOCK_STREAM, tcp));
    sockets.udp = std::move(datagrams.socket);
    sockets.udp_port = datagrams.port;
    sockets.tcp = std::move(streams.socket);
    sockets.tcp_port = streams.port;
    return {};
}

}  // namespace

Result<ResolverSockets> open_resolver(std::uint16_t old_udp, std::uint16_t old_tcp, bool own_servers) {
    ResolverSockets sockets;
    BERTH_CHECK(bind_both(sockets, old_udp, old_tcp));
    if (old_udp == 0) {
        if (auto redirected = redirect(sockets.udp_port, sockets.tcp_port); !redirected) {
            log::debug("the resolver listens on port 53 itself", {{"error", redirected.error().message}});
            BERTH_CHECK(bind_both(sockets, kDns, kDns));
        }
    }
    if (!own_servers) return sockets;
    for (int i = 0; i < kUdpToAsk + kTcpToAsk; ++i) {
        const int type = i < kUdpToAsk ? SOCK_DGRAM : SOCK_STREAM;
        // For servers of both families.
        UniqueFd socket(::socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) socket.reset(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) return fail_errno("create resolver socket");
        (i < kUdpToAsk ? sockets.ask_udp : sockets.ask_tcp).push_back(std::move(socket));
    }
    return sockets;
}

}  // namespace berth::network
