#include "engine/http/subnet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace berth::http {

namespace {
constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
}

std::optional<Address> Address::parse(const std::string& text) {
    Address out;
    std::copy(kMapped.begin(), kMapped.end(), out.bytes_.begin());
    if (::inet_pton(AF_INET, text.c_str(), out.bytes_.data() + kMapped.size()) == 1) {
        out.is_v4_ = true;
        return out;
    }
    if (::inet_pton(AF_INET6, text.c_str(), out.bytes_.data()) != 1) return std::nullopt;
    out.is_v4_ = std::equal(kMapped.begin(), kMapped.end(), out.bytes_.begin());
    return out;
}

bool Address::is_loopback() const {
    static const auto v4 = Subnet::parse("127.0.0.0/8"), v6 = Subnet::parse("::1/128");
    return v4->contains(*this) || v6->contains(*this);
}

std::optional<Subnet> Subnet::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == text.npos) return std::nullopt;
    const auto base = Address::parse(std::string(text.substr(0, slash)));
    const auto size = text.substr(slash + 1);
    unsigned bits = 0;
    auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), bits);
    if (!base || error != std::errc() || end != size.data() + size.size()) return std::nullopt;
    if (bits > (base->is_v4_ ? 32u : 128u)) return std::nullopt;
    Subnet out;
    out.base_ = *base;
    out.bits_ = bits + (base->is_v4_ ? 96 : 0);
    return out;
}

bool Subnet::contains(const Address& address) const {
    if (address.is_v4_ != base_.is_v4_) return false;
    for (unsigned bit = 0; bit < bits_; bit += 8) {
        const unsigned left = std::min(8u, bits_ - bit);
        const unsigned mask = 0xffu << (8 - left) & 0xffu;
        if ((address.bytes_[bit / 8] & mask) != (base_.bytes_[bit / 8] & mask)) return false;
    }
    return true;
}

}  // namespace berth::http
