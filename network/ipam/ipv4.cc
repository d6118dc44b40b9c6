#include "network/ipam/ipv4.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace berth::network {
namespace {

std::uint32_t mask(int bits) {
    return bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
}

}  // namespace

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
    in_addr address;
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
    return Ipv4{ntohl(address.s_addr)};
}

std::string Ipv4::text() const {
    return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

Subnet Subnet::of(Ipv4 address, int bits) {
    return {Ipv4{address.value & mask(bits)}, bits};
}

std::optional<Subnet> Subnet::parse(std::string_view text) {
    auto prefix = Ipv4Prefix::parse(text);
    if (!prefix) return std::nullopt;
    return prefix->subnet();
}

std::string Subnet::text() const {
    return fmt::format("{}/{}", base.text(), bits);
}
Ipv4 Subnet::last() const {
    return {base.value | ~mask(bits)};
}
bool Subnet::contains(Ipv4 address) const {
    return (address.value & mask(bits)) == base.value;
}
bool Subnet::overlaps(const Subnet& other) const {
    return contains(other.base) || other.contains(base);
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto address = Ipv4::parse(text.substr(0, slash));
    const auto digits = text.substr(slash + 1);
    int bits = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (!address || error != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > 32)
        return std::nullopt;
    return Ipv4Prefix{*address, bits};
}

}  // namespace berth::network
