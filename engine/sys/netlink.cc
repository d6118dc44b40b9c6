#include "engine/sys/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace berth::sys {
namespace {

constexpr std::size_t kAlign = NLMSG_ALIGNTO;
constexpr std::size_t kAnswerBuffer = 64 << 10;

std::size_t aligned(std::size_t size) {
    return (size + kAlign - 1) & ~(kAlign - 1);
}

// NLMSG_ERROR: the errno, the request's header, and with NLM_F_ACK_TLVS attributes that explain.
Result<> verdict(const nlmsghdr& header, std::string_view payload) {
    if (payload.size() < sizeof(nlmsgerr)) return fail(ErrorKind::kInternal, "netlink: short verdict");
    nlmsgerr error;
    std::memcpy(&error, payload.data(), sizeof error);
    if (error.error == 0) return {};
    std::string what = "netlink";
    if (header.nlmsg_flags & NLM_F_ACK_TLVS) {
        std::size_t skip = sizeof error;
        if (!(header.nlmsg_flags & NLM_F_CAPPED)) skip += aligned(error.msg.nlmsg_len) - sizeof(nlmsghdr);
        if (skip < payload.size()) {
            if (auto text = find_attribute(payload.substr(skip), NLMSGERR_ATTR_MSG))
                what.append(": ").append(text->substr(0, text->find('\0')));
        }
    }
    return fail_errno(what, -error.error);
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags) : bytes_(sizeof(nlmsghdr), '\0') {
    header().nlmsg_type = type;
    header().nlmsg_flags = flags | NLM_F_REQUEST | NLM_F_ACK;
}

NetlinkMessage& NetlinkMessage::append(std::string_view bytes) {
    bytes_.append(bytes);
    bytes_.resize(aligned(bytes_.size()), '\0');
    return *this;
}

NetlinkMessage& NetlinkMessage::put(std::uint16_t type, std::string_view bytes) {
    const nlattr attribute{static_cast<std::uint16_t>(NLA_HDRLEN + bytes.size()), type};
    bytes_.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
    return append(bytes);
}

NetlinkMessage& NetlinkMessage::put_text(std::uint16_t type, std::string_view text) {
    std::string terminated(text);
    terminated.push_back('\0');
    return put(type, terminated);
}

std::size_t NetlinkMessage::begin(std::uint16_t type) {
    const std::size_t begun = bytes_.size();
    put(type, {});
    return begun;
}

void NetlinkMessage::end(std::size_t begun) {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - begun);
    std::memcpy(bytes_.data() + begun, &length, sizeof length);
}

std::string_view NetlinkAnswer::attributes(std::size_t size) const {
    size = aligned(size);
    return size < payload.size() ? payload.substr(size) : std::string_view{};
}

std::optional<std::string_view> find_attribute(std::string_view attributes, std::uint16_t type) {
    while (attributes.size() >= NLA_HDRLEN) {
        nlattr attribute;
        std::memcpy(&attribute, attributes.data(), sizeof attribute);
        if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > attributes.size()) return std::nullopt;
        if ((attribute.nla_type & NLA_TYPE_MASK) == type)
            return attributes.substr(NLA_HDRLEN, attribute.nla_len - NLA_HDRLEN);
        attributes.remove_prefix(std::min(aligned(attribute.nla_len), attributes.size()));
    }
    return std::nullopt;
}

Result<UniqueFd> listen_to_netlink(int protocol, unsigned group) {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!fd) return fail_errno("open netlink socket");
    const sockaddr_nl address{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("bind netlink socket");
    if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        return fail_errno("join netlink group");
    return fd;
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!fd) return fail_errno("open netlink socket");
    // Texts beside errnos, without the request repeated; both are only a comfort.
    const int on = 1;
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    const timeval deadline{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    return NetlinkSocket(std::move(fd));
}

Result<> NetlinkSocket::send(std::string_view bytes) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t sent;
    do {
        sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                        sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno("send to netlink");
    return {};
}

Result<> NetlinkSocket::read_answers(std::uint32_t first,
                                     const std::function<void(const NetlinkAnswer&)>& visit) {
    alignas(nlmsghdr) std::array<char, kAnswerBuffer> buffer;
    for (;;) {
        const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("receive from netlink");
        if (static_cast<std::size_t>(got) > buffer.size())
            return fail(ErrorKind::kInternal, "netlink: an answer is too long");
        std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
        while (rest.size() >= sizeof(nlmsghdr)) {
            nlmsghdr header;
            std::memcpy(&header, rest.data(), sizeof header);
            if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
            const auto payload = rest.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
            rest.remove_prefix(std::min(aligned(header.nlmsg_len), rest.size()));
            // Others are answers to a request that was given up.
            if (header.nlmsg_seq < first || header.nlmsg_seq > sequence_) continue;
            if (header.nlmsg_type == NLMSG_ERROR) {
                auto result = verdict(header, payload);
                if (!result || header.nlmsg_seq == sequence_) return result;
                continue;
            }
            if (header.nlmsg_type == NLMSG_DONE) return {};
            if (visit) visit({header.nlmsg_type, payload});
        }
    }
}

Result<> NetlinkSocket::request(NetlinkMessage& message,
                                const std::function<void(const NetlinkAnswer&)>& visit) {
    message.header().nlmsg_len = static_cast<std::uint32_t>(message.bytes_.size());
    message.header().nlmsg_seq = ++sequence_;
    BERTH_CHECK(send(message.bytes_));
    return read_answers(sequence_, visit);
}

Result<> NetlinkSocket::transaction(std::vector<NetlinkMessage>& messages, std::uint16_t subsystem) {
    NetlinkMessage begin(NFNL_MSG_BATCH_BEGIN), end(NFNL_MSG_BATCH_END);
    const nfgenmsg body{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(subsystem)};
    begin.body(body);
    end.body(body);
    const std::uint32_t first = sequence_ + 1;
    std::string bytes;
    const auto put = [&](NetlinkMessage& message, std::uint32_t sequence, bool acknowledge) {
        message.header().nlmsg_len = static_cast<std::uint32_t>(message.bytes_.size());
        message.header().nlmsg_seq = sequence;
        if (!acknowledge) message.header().nlmsg_flags &= static_cast<std::uint16_t>(~NLM_F_ACK);
        bytes += message.bytes_;
    };
    put(begin, ++sequence_, false);
    for (auto& message : messages) put(message, ++sequence_, &message == &messages.back());
    // The end has the last message's number: it is never answered by itself.
    put(end, sequence_, false);
    BERTH_CHECK(send(bytes));
    return read_answers(first, {});
}

}  // namespace berth::sys
