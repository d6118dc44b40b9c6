#include "cli/commands/network_subnets.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace berth::cli {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// An address in network order and the length of its prefix (all of it without a slash).
struct Block {
    std::string bytes;
    int bits = 0;

    bool contains(const Block& other) const {
        if (bytes.size() != other.bytes.size() || other.bits < bits) return false;
        for (int bit = 0; bit < bits; ++bit) {
            const auto at = static_cast<std::size_t>(bit / 8);
            const int mask = 0x80 >> bit % 8;
            if ((bytes[at] & mask) != (other.bytes[at] & mask)) return false;
        }
        return true;
    }
};

Result<Block> parse_block(const std::string& text, const char* kind) {
    const auto slash = text.find('/');
    const bool v6 = text.find(':') != std::string::npos;
    Block block{std::string(v6 ? 16 : 4, '\0'), v6 ? 128 : 32};
    const auto address = text.substr(0, slash);
    bool good = ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), block.bytes.data()) == 1;
    if (slash != std::string::npos) {
        const char* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, block.bits);
        good =
            good && error == std::errc() && rest == end && block.bits >= 0 && block.bits <= (v6 ? 128 : 32);
    }
    if (!good) return bad(fmt::format("invalid {} address: {}", kind, text));
    return block;
}

struct Subnet {
    Block block;
    Json config;
};

Result<Json*> config_around(std::vector<Subnet>& subnets, const std::string& text, const char* what) {
    BERTH_TRY(const auto inner, parse_block(text, "CIDR"));
    for (auto& subnet : subnets)
        if (subnet.block.contains(inner)) return &subnet.config;
    return bad(fmt::format("no matching subnet for {} {}", what, text));
}

}  // namespace

Result<Json> subnet_configs(const std::vector<std::string>& texts, const std::vector<std::string>& ranges,
                            const std::vector<std::string>& gateways,
                            const std::vector<std::string>& aux_addresses) {
    if (texts.size() < ranges.size() || texts.size() < gateways.size())
        return bad("every ip-range or gateway must have a corresponding subnet");
    std::vector<Subnet> subnets;
    for (const auto& text : texts) {
        BERTH_TRY(auto block, parse_block(text, "CIDR"));
        for (const auto& other : subnets)
            if (other.block.contains(block) || block.contains(other.block))
                return bad("multiple overlapping subnet configuration is not supported");
        subnets.push_back({std::move(block), Json{{"Subnet", text}}});
    }
    for (const auto& range : ranges) {
        BERTH_TRY(Json * config, config_around(subnets, range, "range"));
        if (config->contains("IPRange"))
            return bad(fmt::format("cannot configure multiple ranges ({}, {}) on the same subnet", range,
                                   (*config)["IPRange"].get<std::string>()));
        (*config)["IPRange"] = range;
    }
    for (const auto& gateway : gateways) {
        BERTH_TRY(Json * config, config_around(subnets, gateway, "gateway"));
        if (config->contains("Gateway"))
            return bad(fmt::format("cannot configure multiple gateways ({}, {}) for the same subnet", gateway,
                                   (*config)["Gateway"].get<std::string>()));
        (*config)["Gateway"] = gateway;
    }
    for (const auto& aux : aux_addresses) {
        const auto equals = aux.find('=');
        const auto address = equals == std::string::npos ? std::string() : aux.substr(equals + 1);
        BERTH_TRY(Json * config, config_around(subnets, address, "aux-address"));
        (*config)["AuxiliaryAddresses"][aux.substr(0, equals)] = address;
    }
    Json list = Json::array();
    for (auto& subnet : subnets) list.push_back(std::move(subnet.config));
    return list;
}

}  // namespace berth::cli
