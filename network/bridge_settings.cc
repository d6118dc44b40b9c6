#include "network/bridge_settings.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/base/ids.h"
#include "network/ipam/ip.h"

namespace berth::network {
namespace {

Failure unreadable(const char* key, const std::string& value, std::string_view why) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("failed to parse {} value: {} ({})", key, value, why));
}

class Options {
 public:
    explicit Options(const Network& network) : options_(network.options) {}

    const std::string* get(const char* key) const {
        const auto found = options_.find(key);
        return found == options_.end() ? nullptr : &found->second;
    }
    Result<> flag(const char* key, bool& target) const {
        const auto* value = get(key);
        if (!value) return {};
        for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
            if (*value == yes) return target = true, Result<>();
        for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
            if (*value == no) return target = false, Result<>();
        return unreadable(key, *value,
                          fmt::format("strconv.ParseBool: parsing {:?}: invalid syntax", *value));
    }
    Result<> flag(const char* key, std::optional<bool>& target) const {
        if (!get(key)) return {};
        return flag(key, target.emplace());
    }
    Result<> mtu(int& target) const {
        const auto* value = get(option::kMtu);
        if (!value) return {};
        const char* end = value->data() + value->size();
        const auto [rest, error] = std::from_chars(value->data(), end, target);
        if (error != std::errc() || rest != end)
            return unreadable(option::kMtu, *value,
                              fmt::format("strconv.Atoi: parsing {:?}: invalid syntax", *value));
        if (target == 0) target = 1500;
        if (target < 0)
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid MTU number: {}", target));
        return {};
    }

 private:
    const std::map<std::string, std::string>& options_;
};

Result<> read_mode(const Options& options, const char* key, const Network& network, GatewayMode& mode) {
    const auto* text = options.get(key);
    if (!text || text->empty() || *text == "nat") return {};
    constexpr std::pair<std::string_view, GatewayMode> kModes[] = {
        {"routed", GatewayMode::kRouted},
        {"nat-unprotected", GatewayMode::kNatUnprotected},
        {"isolated", GatewayMode::kIsolated}};
    for (const auto& [name, value] : kModes)
        if (*text == name) mode = value;
    if (mode == GatewayMode::kNat) return unreadable(key, *text, "unknown gateway mode " + *text);
    if (mode == GatewayMode::kIsolated && !network.internal)
        return fail(ErrorKind::kInternal, "gateway mode 'isolated' can only be used for an internal network");
    return {};
}

Result<> read_source(const Options& options, const char* key, bool v6, std::optional<Ip>& source) {
    const auto* text = options.get(key);
    if (!text || text->empty()) return {};
    source = Ip::parse(*text);
    if (!source || source->v6 != v6) return unreadable(key, *text, "nil ip");
    return {};
}

// "eth0:eth1". What is no interface's name can never be one's, and must not reach a rule.
std::vector<std::string> read_trusted(const Options& options) {
    const auto* text = options.get(option::kTrusted);
    std::vector<std::string> names;
    if (!text) return names;
    for (std::size_t at = 0; at <= text->size();) {
        const auto end = std::min(text->find(':', at), text->size());
        if (auto name = text->substr(at, end - at); is_interface_name(name)) names.push_back(std::move(name));
        at = end + 1;
    }
    return names;
}

}  // namespace

bool is_interface_name(const std::string& name) {
    // Of what the kernel takes, what means nothing to the tools that rules are written for ("eth+").
    const auto plain = [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::strchr("_.-@=~%^,", c) != nullptr;
    };
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." && name[0] != '-' &&
           std::all_of(name.begin(), name.end(), [&](unsigned char c) { return c != 0 && plain(c); });
}

Result<BridgeSettings> read_bridge_settings(const Network& network) {
    const Options options(network);
    BridgeSettings settings;
    settings.name = "br-" + std::string(short_id(network.id));
    if (const auto* name = options.get(option::kBridgeName); name && !name->empty()) settings.name = *name;
    if (!is_interface_name(settings.name))
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid bridge name {:?}", settings.name));
    BERTH_CHECK(options.flag(option::kIcc, settings.icc));
    BERTH_CHECK(options.flag(option::kMasquerade, settings.masquerade));
    BERTH_CHECK(options.flag(option::kInhibitIpv4, settings.inhibit_ipv4));
    BERTH_CHECK(options.flag(option::kDefaultBridge, settings.is_default));
    BERTH_CHECK(options.flag(option::kToLoopback, settings.to_loopback));
    BERTH_CHECK(options.flag(option::kByInput, settings.by_input));
    BERTH_CHECK(options.mtu(settings.mtu));
    if (const auto* binding = options.get(option::kHostBinding)) {
        if (!Ip::parse(*binding)) return unreadable(option::kHostBinding, *binding, "nil ip");
        settings.host_binding = *binding;
    }
    if (const auto* prefix = options.get(option::kInterfacePrefix); prefix && !prefix->empty()) {
        if (!is_interface_name(*prefix + "00"))
            return fail(ErrorKind::kInvalidArgument, fmt::format("invalid interface prefix {:?}", *prefix));
        settings.interface_prefix = *prefix;
    }
    BERTH_CHECK(read_mode(options, option::kGatewayMode4, network, settings.mode4));
    BERTH_CHECK(read_mode(options, option::kGatewayMode6, network, settings.mode6));
    BERTH_CHECK(read_source(options, option::kSource4, false, settings.source4));
    BERTH_CHECK(read_source(options, option::kSource6, true, settings.source6));
    settings.trusted = read_trusted(options);
    return settings;
}

}  // namespace berth::network
