#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::network {

__extension__ typedef unsigned __int128 Wide;

// An address of either family; its value is in host byte order, so that it can be counted with.
struct Ip {
    bool v6 = false;
    Wide value = 0;

    static Ip v4(std::uint32_t value) { return {false, value}; }
    static std::optional<Ip> parse(std::string_view text);  // "172.17.0.1", "fd00::1"; no zone
    // 4 or 16 bytes in network order, as netlink carries them.
    static std::optional<Ip> from_bytes(std::string_view bytes);
    std::string bytes() const;
    std::string text() const;
    int width() const { return v6 ? 128 : 32; }
    bool unspecified() const { return value == 0; }
    bool loopback() const { return v6 ? value == 1 : value >> 24 == 127; }
    auto operator<=>(const Ip&) const = default;
};

// A CIDR prefix. `base` has no host bits.
struct Subnet {
    Ip base;
    int bits = 32;

    static Subnet of(Ip address, int bits);
    static std::optional<Subnet> parse(std::string_view text);  // "172.17.0.0/16"; host bits are dropped
    std::string text() const;
    Ip last() const;
    bool contains(Ip address) const;
    bool overlaps(const Subnet& other) const;
    auto operator<=>(const Subnet&) const = default;
};

// "172.17.0.1/16": an address and the subnet it lies in.
struct Prefix {
    Ip address;
    int bits = 32;

    static std::optional<Prefix> parse(std::string_view text);
    std::string text() const;
    Subnet subnet() const { return Subnet::of(address, bits); }
    bool operator==(const Prefix&) const = default;
};

}  // namespace berth::network
