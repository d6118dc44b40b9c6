#include "network/ipam/ip.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace berth::network {
namespace {

// The host bits of a prefix.
Wide host_mask(int width, int bits) {
    const int host = width - bits;
    return host == 128 ? ~Wide{0} : (Wide{1} << host) - 1;
}

}  // namespace

std::optional<Ip> Ip::from_bytes(std::string_view bytes) {
    if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
    Ip ip{bytes.size() == 16, 0};
    for (unsigned char byte : bytes) ip.value = ip.value << 8 | byte;
    return ip;
}

std::string Ip::bytes() const {
    std::string out(v6 ? 16 : 4, '\0');
    Wide rest = value;
    for (auto byte = out.rbegin(); byte != out.rend(); ++byte, rest >>= 8) *byte = static_cast<char>(rest);
    return out;
}

std::optional<Ip> Ip::parse(std::string_view text) {
    char bytes[16];
    const std::string copy(text);
    const bool v6 = text.find(':') != text.npos;
    if (::inet_pton(v6 ? AF_INET6 : AF_INET, copy.c_str(), bytes) != 1) return std::nullopt;
    return from_bytes({bytes, v6 ? 16U : 4U});
}

std::string Ip::text() const {
    char buffer[INET6_ADDRSTRLEN];
    return ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes().data(), buffer, sizeof buffer);
}

Subnet Subnet::of(Ip address, int bits) {
    return {{address.v6, address.value & ~host_mask(address.width(), bits)}, bits};
}

std::optional<Subnet> Subnet::parse(std::string_view text) {
    auto prefix = Prefix::parse(text);
    if (!prefix) return std::nullopt;
    return prefix->subnet();
}

std::string Subnet::text() const {
    return fmt::format("{}/{}", base.text(), bits);
}
Ip Subnet::last() const {
    return {base.v6, base.value | host_mask(base.width(), bits)};
}
bool Subnet::contains(Ip address) const {
    return address.v6 == base.v6 && Subnet::of(address, bits).base == base;
}
bool Subnet::overlaps(const Subnet& other) const {
    return contains(other.base) || other.contains(base);
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto address = Ip::parse(text.substr(0, slash));
    const auto digits = text.substr(slash + 1);
    int bits = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (!address || error != std::errc{} || end != digits.data() + digits.size() || bits < 0 ||
        bits > address->width())
        return std::nullopt;
    return Prefix{*address, bits};
}

std::string Prefix::text() const {
    return fmt::format("{}/{}", address.text(), bits);
}

}  // namespace berth::network
