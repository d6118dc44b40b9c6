#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace berth::http {

// An IP address; an IPv4 one is kept as its IPv4-mapped IPv6 form.
class Address {
 public:
    static std::optional<Address> parse(const std::string& text);
    bool is_loopback() const;
    bool operator==(const Address&) const = default;

 private:
    friend class Subnet;
    std::array<unsigned char, 16> bytes_{};
    bool is_v4_ = false;
};

// "10.0.0.0/8", "fd00::/8".
class Subnet {
 public:
    static std::optional<Subnet> parse(std::string_view text);
    bool contains(const Address& address) const;

 private:
    Address base_;
    unsigned bits_ = 0;  // of the 16 bytes
};

}  // namespace berth::http
