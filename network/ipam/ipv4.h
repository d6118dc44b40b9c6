#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::network {

// An IPv4 address in host byte order, so that it can be counted with.
struct Ipv4 {
    std::uint32_t value = 0;

    static std::optional<Ipv4> parse(std::string_view text);  // "172.17.0.1"
    std::string text() const;
    bool unspecified() const { return value == 0; }
    bool loopback() const { return value >> 24 == 127; }
    auto operator<=>(const Ipv4&) const = default;
};

// A CIDR prefix. `base` has no host bits.
struct Subnet {
    Ipv4 base;
    int bits = 32;

    static Subnet of(Ipv4 address, int bits);
    static std::optional<Subnet> parse(std::string_view text);  // "172.17.0.0/16"; host bits are dropped
    std::string text() const;
    Ipv4 last() const;
    bool contains(Ipv4 address) const;
    bool overlaps(const Subnet& other) const;
    auto operator<=>(const Subnet&) const = default;
};

// "172.17.0.1/16": an address and the subnet it lies in.
struct Ipv4Prefix {
    Ipv4 address;
    int bits = 32;

    static std::optional<Ipv4Prefix> parse(std::string_view text);
    Subnet subnet() const { return Subnet::of(address, bits); }
};

}  // namespace berth::network
