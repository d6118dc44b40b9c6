#pragma once

#include <optional>
#include <string>
#include <vector>

#include "network/firewall/bridge_rules.h"
#include "network/network_service.h"

namespace berth::network {

// Options of a bridge network, by their names in Docker.
namespace option {
inline constexpr const char* kBridgeName = "com.docker.network.bridge.name";
inline constexpr const char* kDefaultBridge = "com.docker.network.bridge.default_bridge";
inline constexpr const char* kIcc = "com.docker.network.bridge.enable_icc";
inline constexpr const char* kMasquerade = "com.docker.network.bridge.enable_ip_masquerade";
inline constexpr const char* kHostBinding = "com.docker.network.bridge.host_binding_ipv4";
inline constexpr const char* kInhibitIpv4 = "com.docker.network.bridge.inhibit_ipv4";
inline constexpr const char* kGatewayMode4 = "com.docker.network.bridge.gateway_mode_ipv4";
inline constexpr const char* kGatewayMode6 = "com.docker.network.bridge.gateway_mode_ipv6";
inline constexpr const char* kSource4 = "com.docker.network.host_ipv4";
inline constexpr const char* kSource6 = "com.docker.network.host_ipv6";
inline constexpr const char* kTrusted = "com.docker.network.bridge.trusted_host_interfaces";
inline constexpr const char* kMtu = "com.docker.network.driver.mtu";
// Ours. Without an address given a port is published on 127.0.0.1 and ::1 alone.
inline constexpr const char* kToLoopback = "berth.network.publish_to_loopback";
// Ours. What comes for a published port comes to berth-netd, and so past the host's own INPUT rules.
inline constexpr const char* kByInput = "berth.network.publish_by_input";
inline constexpr const char* kInterfacePrefix = "com.docker.network.container_iface_prefix";
}  // namespace option

// What a bridge network's options say.
struct BridgeSettings {
    std::string name;  // of the link
    int mtu = 1500;
    bool icc = true, masquerade = true, inhibit_ipv4 = false;
    bool is_default = false;
    GatewayMode mode4 = GatewayMode::kNat, mode6 = GatewayMode::kNat;
    std::optional<Ip> source4, source6;  // what masquerading makes of containers' addresses
    std::vector<std::string> trusted;  // interfaces from which containers are reached by their own addresses
    std::string host_binding = "0.0.0.0";
    std::string interface_prefix = "eth";
    std::optional<bool> to_loopback, by_input;  // not said: as the daemon's settings have it

    GatewayMode mode(bool v6) const { return v6 ? mode6 : mode4; }
};

// An error in Docker's words for a value that cannot be; options that nobody knows say nothing, as in Docker.
Result<BridgeSettings> read_bridge_settings(const Network& network);

// Checks the name of an interface.
bool is_interface_name(const std::string& name);

}  // namespace berth::network
