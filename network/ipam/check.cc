#include "network/ipam/check.h"

#include <fmt/format.h>

#include <cstring>

#include "network/ipam/ip.h"

namespace berth::network {
namespace {

const char* block_of(const Subnet& subnet) {
    return subnet.base.v6 ? "parent subnet is an IPv6 block" : "parent subnet is an IPv4 block";
}

void check_range(const std::string& text, const Subnet& subnet, std::vector<std::string>& errors) {
    const auto complain = [&](std::string what) {
        errors.push_back(fmt::format("invalid ip-range {}: {}", text, what));
    };
    const auto range = Prefix::parse(text);
    if (!range) return complain("invalid CIDR block notation");
    if (range->address.v6 != subnet.base.v6) return complain(block_of(subnet));
    if (range->bits < subnet.bits) complain("CIDR block is bigger than its parent subnet " + subnet.text());
    if (range->subnet().base != range->address) complain("it should be " + range->subnet().text());
    if (!subnet.overlaps(range->subnet()))
        complain(fmt::format("parent subnet {} doesn't contain ip-range", subnet.text()));
}

void check_address(const std::string& what, const std::string& text, const Subnet& subnet,
                   std::vector<std::string>& errors) {
    const auto address = Ip::parse(text);
    if (!address)
        errors.push_back(what + ": invalid address");
    else if (address->v6 != subnet.base.v6)
        errors.push_back(what + ": " + block_of(subnet));
    else if (!subnet.contains(*address))
        errors.push_back(
            fmt::format("{}: parent subnet {} doesn't contain this address", what, subnet.text()));
}

}  // namespace

std::string errno_text(const Error& error) {
    if (error.sys_errno == 0) return error.message;
    std::string text = std::strerror(error.sys_errno);
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

std::string join_errors(const std::vector<std::string>& errors) {
    if (errors.size() == 1) return errors.front();
    std::string text;
    for (const auto& error : errors) text += (text.empty() ? "* " : "\n* ") + error;
    return text;
}

Result<> check_ipam(const std::vector<IpamConfig>& configs, bool ipv6) {
    std::vector<std::string> errors;
    for (const auto& config : configs) {
        const auto prefix = Prefix::parse(config.subnet);
        if (!prefix) {
            errors.push_back(fmt::format("invalid subnet {}: invalid CIDR block notation", config.subnet));
            continue;
        }
        if (prefix->address.v6 && !ipv6) continue;
        const Subnet subnet = prefix->subnet();
        if (subnet.base != prefix->address)
            errors.push_back(fmt::format("invalid subnet {}: it should be {}", config.subnet, subnet.text()));
        if (!config.ip_range.empty()) check_range(config.ip_range, subnet, errors);
        if (!config.gateway.empty())
            check_address("invalid gateway " + config.gateway, config.gateway, subnet, errors);
        for (const auto& [name, address] : config.aux_addresses)
            check_address("invalid auxiliary address " + name, address, subnet, errors);
    }
    if (errors.empty()) return {};
    return fail(ErrorKind::kInvalidArgument, "invalid network config:\n" + join_errors(errors));
}

}  // namespace berth::network
