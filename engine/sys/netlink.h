#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

// Requests to the kernel's netlink families, by hand: a header, one fixed struct of the family, then
// attributes, each padded to 4 bytes (linux/netlink.h). What the attributes mean is the caller's business.
namespace berth::sys {

class NetlinkMessage {
 public:
    // `flags` beside NLM_F_REQUEST and NLM_F_ACK, which request() adds.
    explicit NetlinkMessage(std::uint16_t type, std::uint16_t flags = 0);

    // The family's fixed struct (ifinfomsg, …): once, before any attribute.
    template <class T>
    NetlinkMessage& body(const T& fixed) {
        static_assert(std::is_trivially_copyable_v<T>);
        return append({reinterpret_cast<const char*>(&fixed), sizeof fixed});
    }
    NetlinkMessage& put(std::uint16_t type, std::string_view bytes);
    // A NUL-terminated string.
    NetlinkMessage& put_text(std::uint16_t type, std::string_view text);
    template <class T>
    NetlinkMessage& put_value(std::uint16_t type, const T& value) {
        static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
        return put(type, {reinterpret_cast<const char*>(&value), sizeof value});
    }
    // Attributes put between begin() and end() lie inside one attribute.
    [[nodiscard]] std::size_t begin(std::uint16_t type);
    void end(std::size_t begun);

 private:
    friend class NetlinkSocket;
    NetlinkMessage& append(std::string_view bytes);
    nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }
    std::string bytes_;
};

// One message of an answer.
struct NetlinkAnswer {
    std::uint16_t type = 0;
    std::string_view payload;

    // The fixed struct at the front; nullptr if the message is too short for one.
    template <class T>
    const T* body() const {
        return payload.size() < sizeof(T) ? nullptr : reinterpret_cast<const T*>(payload.data());
    }
    // What follows a fixed struct of `size` bytes.
    std::string_view attributes(std::size_t size) const;
};

// The first attribute of this type, also of nested ones (whose bytes are attributes again).
std::optional<std::string_view> find_attribute(std::string_view attributes, std::uint16_t type);

// A number out of an attribute; nothing if its size is not T's.
template <class T>
std::optional<T> attribute_value(std::string_view attributes, std::uint16_t type) {
    auto bytes = find_attribute(attributes, type);
    if (!bytes || bytes->size() < sizeof(T)) return std::nullopt;
    T value;
    __builtin_memcpy(&value, bytes->data(), sizeof value);
    return value;
}

// A socket that hears what a family (NETLINK_ROUTE, …) tells a multicast group (RTNLGRP_LINK, …) from here
// on, in the namespace of the calling thread; never waits in recv().
Result<UniqueFd> listen_to_netlink(int protocol, unsigned group);

// A socket of one netlink family, in the network namespace of the thread that opened it, for good. One
// request at a time; not safe to share between threads.
class NetlinkSocket {
 public:
    static Result<NetlinkSocket> open(int protocol = NETLINK_ROUTE);

    // Sends `message` and reads its answers up to the kernel's verdict, giving each to `visit`. The error
    // carries the errno and, where the kernel says one, its own text.
    Result<> request(NetlinkMessage& message, const std::function<void(const NetlinkAnswer&)>& visit = {});
    // Sends the messages as one transaction of an nfnetlink subsystem (NFNL_SUBSYS_…): all of them happen, or
    // none and the first error is returned.
    Result<> transaction(std::vector<NetlinkMessage>& messages, std::uint16_t subsystem);

 private:
    Result<> send(std::string_view bytes);
    // Reads answers to the sequence numbers from `first` on, up to an error or the verdict on the last one.
    Result<> read_answers(std::uint32_t first, const std::function<void(const NetlinkAnswer&)>& visit);
    explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
    std::uint32_t sequence_ = 0;
};

}  // namespace berth::sys
