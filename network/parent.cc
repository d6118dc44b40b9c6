#include "network/parent.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "engine/base/ids.h"
#include "network/bridge.h"
#include "network/ipam/check.h"
#include "network/sandbox/link_removal.h"
#include "network/sandbox/sublink.h"

namespace berth::network {
namespace {

Failure wrong(std::string message) {
    return fail(ErrorKind::kInternal, std::move(message));
}

std::string option_of(const Network& network, const std::string& key) {
    const auto found = network.options.find(key);
    return found == network.options.end() ? "" : found->second;
}

bool is_one_of(const std::string& value, std::initializer_list<std::string_view> values) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

struct Vlan {
    std::string parent;
    std::uint16_t id = 0;
};

// "eth0.50"
Result<Vlan> parse_vlan(sys::NetlinkSocket& socket, const std::string& name) {
    const auto dot = name.find('.');
    if (dot == std::string::npos)
        return wrong(fmt::format("invalid subinterface vlan name {}, example formatting is eth0.10", name));
    if (name.find('.', dot + 1) != std::string::npos)
        return wrong(fmt::format(
            "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received {}",
            name));
    Vlan vlan{name.substr(0, dot)};
    const auto digits = std::string_view(name).substr(dot + 1);
    int id = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (error != std::errc() || end != digits.data() + digits.size())
        return wrong(
            fmt::format("unable to parse a valid vlan id from: {} (ex. eth0.10 for vlan 10)", digits));
    BERTH_TRY(const auto parent, find_link(socket, vlan.parent));
    if (!parent) return wrong("-o parent interface was not found on the host: " + vlan.parent);
    if (id < 1 || id > 4094) return wrong(fmt::format("vlan id must be between 1-4094, received: {}", id));
    vlan.id = static_cast<std::uint16_t>(id);
    return vlan;
}

}  // namespace

bool stands_on_parent(const Network& network) {
    return network.driver == "macvlan" || network.driver == "ipvlan";
}

Result<ParentSettings> read_parent_settings(const Network& network) {
    ParentSettings settings{.driver = network.driver, .network_id = network.id};
    const bool macvlan = network.driver == "macvlan";
    const auto mode = option_of(network, macvlan ? "macvlan_mode" : "ipvlan_mode");
    settings.mode = mode.empty() ? (macvlan ? "bridge" : "l2") : mode;
    const bool known = macvlan ? is_one_of(settings.mode, {"bridge", "private", "vepa", "passthru"})
                               : is_one_of(settings.mode, {"l2", "l3", "l3s"});
    if (!known)
        return wrong(
            fmt::format("requested {0} mode '{1}' is not valid, '{2}' mode is the {0} driver default",
                        network.driver, mode, macvlan ? "bridge" : "l2"));
    if (const auto flag = option_of(network, "ipvlan_flag"); !macvlan && !flag.empty()) {
        settings.flag = flag;
        if (!is_one_of(flag, {"bridge", "private", "vepa"}))
            return wrong(fmt::format(
                "requested ipvlan flag '{}' is not valid, 'bridge' is the ipvlan driver default", flag));
    }
    settings.link = option_of(network, "parent");
    if (settings.link == "lo")
        return wrong(fmt::format("loopback interface is not a valid {} parent link", network.driver));
    settings.own_dummy = settings.link.empty();
    if (settings.own_dummy) settings.link = (macvlan ? "dm-" : "di-") + std::string(short_id(network.id));
    if (!is_interface_name(settings.link))
        return wrong(
            fmt::format("invalid subinterface vlan name {}, example formatting is eth0.10", settings.link));
    return settings;
}

Result<> check_shared_parent(const ParentSettings& wanted, const ParentSettings& other) {
    if (wanted.link != other.link) return {};
    if (wanted.driver == "ipvlan" && other.driver == "ipvlan")
        return wrong(fmt::format("network di-{} is already using parent interface {}",
                                 short_id(other.network_id), wanted.link));
    if (wanted.driver != "macvlan" || other.driver != "macvlan") return {};
    if (wanted.passthru())
        return wrong(
            fmt::format("cannot use mode passthru, macvlan network {} is already using parent interface {}",
                        other.network_id, wanted.link));
    if (other.passthru())
        return wrong(fmt::format("macvlan network {} is already using parent interface {} in mode passthru",
                                 other.network_id, wanted.link));
    return {};
}

Result<> set_up_parent(const NetworkConfig& config, const ParentSettings& settings) {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto there, find_link(socket, settings.link));
    if (there) return {};
    if (settings.own_dummy) {
        auto made = create_dummy(socket, settings.link, link_alias(config));
        if (!made) return wrong(errno_text(made.error()));
        return {};
    }
    BERTH_TRY(const auto vlan, parse_vlan(socket, settings.link));
    BERTH_TRY(const auto parent, find_link(socket, vlan.parent));
    if (!parent) return wrong("-o parent interface was not found on the host: " + vlan.parent);
    if (auto made = create_vlan(socket, settings.link, parent->index, vlan.id, link_alias(config)); !made)
        return wrong(
            fmt::format("failed to create {} vlan link: {}", settings.link, errno_text(made.error())));
    return {};
}

Result<> take_down_parent(const NetworkConfig& config, const ParentSettings& settings) {
    BERTH_TRY(auto socket, sys::NetlinkSocket::open());
    BERTH_TRY(const auto link, find_link(socket, settings.link));
    if (!link || link->alias != link_alias(config)) return {};
    return remove_link(link->index);
}

}  // namespace berth::network
