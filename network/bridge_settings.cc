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

Result<> read_mode(const Options& options, const char* key, const Network& network, bool& isolated) {
    const auto* mode = options.get(key);
    if (!mode || mode->empty() || *mode == "nat") return {};
    if (*mode == "isolated") {
        if (!network.internal)
            return fail(ErrorKind::kInvalidArgument,
                        "gateway mode 'isolated' can only be used for an internal network");
        isolated = true;
        return {};
    }
    if (*mode == "routed" || *mode == "nat-unprotected")
        return fail(ErrorKind::kNotImplemented, fmt::format("{}={} is not supported yet", key, *mode));
    return unreadable(key, *mode, "unknown gateway mode " + *mode);
}

}  // namespace

bool is_interface_name(const std::string& name) {
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           std::all_of(
               name.begin(), name.end(),
               [](unsigned char c) { return c > ' ' && c < 127 && !std::strchr("/:", c); });
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
    BERTH_CHECK(read_mode(options, option::kGatewayMode4, network, settings.isolated));
    BERTH_CHECK(read_mode(options, option::kGatewayMode6, network, settings.isolated));
    if (const auto* trusted = options.get(option::kTrusted); trusted && !trusted->empty())
        return fail(ErrorKind::kNotImplemented, fmt::format("{} is not supported yet", option::kTrusted));
    return settings;
}

}  // namespace berth::network
