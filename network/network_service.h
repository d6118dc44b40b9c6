#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/events/event.h"
#include "engine/state/database.h"
#include "network/ipam/check.h"

namespace berth::network {

// What the daemon's flags and daemon.json say.
struct NetworkConfig {
    std::string bridge = "docker0";  // "none": no default bridge
    // "172.17.0.1/16"; empty: from the pools, leaving out what the host uses
    std::string bip, bip6;
    // What containers of the default bridge get their addresses from, and where they send what leaves it.
    std::string fixed_cidr, fixed_cidr_v6, default_gateway, default_gateway_v6;
    std::map<std::string, std::map<std::string, std::string>> default_options;  // of new networks, by driver
    std::vector<std::string> address_pools;  // "172.17.0.0/16/16"-style base/size; empty: Docker's own list
    int mtu = 1500;
    std::string firewall_backend = "iptables";  // or "nftables"
    bool iptables = true, ip6tables = true, ip_forward = true, ip_masq = true, icc = true;
    bool ipv6 = false;           // the default bridge has it
    bool drop_forwarded = true;  // where this daemon switches forwarding on, what nobody allows is dropped
    bool allow_direct_routing = false;  // published containers by their own addresses
    bool userland_proxy = true;         // IPv6 addresses of the host lead to containers without IPv6
    std::string default_host_ip = "0.0.0.0";
    // Of networks that do not say it themselves (network/bridge_settings.h).
    bool publish_to_loopback = false, publish_by_input = false;
    std::vector<std::string> dns, dns_search, dns_options;
    std::string state_dir;  // netns handles in STATE/netns/ID
    std::string data_dir;   // copies of networks in DATA/networks/ID.json
    std::string netd_path;  // berth-netd; "": no names for containers
};

struct PortBinding {
    std::uint16_t container_port = 0;
    std::string protocol = "tcp";  // tcp, udp, sctp
    std::string host_ip;           // "": the default host IP
    // In a request 0 is any free one of the local range; chosen, 0 is none (a routed network).
    std::uint16_t host_port = 0;
    std::uint16_t host_port_end = 0;  // a range to choose from, else 0
};

// What a container wants of one network. Addresses as text, "" for the network's own choice.
struct EndpointRequest {
    std::string network;               // name or ID
    std::vector<std::string> names;    // what other containers of the network find it by, its own name first
    std::vector<std::string> aliases;  // those of them that the user gave
    // Names that this container alone knows others by: alias -> a name of the other.
    std::map<std::string, std::string> links;
    std::string ipv4_address, ipv6_address, mac_address;
    std::vector<std::string> link_local_addresses;
    std::int64_t gateway_priority = 0;  // the highest gives the default route
    std::map<std::string, std::string> driver_options;
};

// A port of another container of the default bridge that a container is linked to: open to it also where
// containers reach nothing of each other (icc=false).
struct LinkedPort {
    std::string address, protocol;
    std::uint16_t port = 0;
    bool operator==(const LinkedPort&) const = default;
};

struct SandboxRequest {
    std::string container_id;
    std::string container_name;
    std::vector<EndpointRequest> endpoints;  // of "host" or "none" alone, of any number of others
    std::vector<PortBinding> ports;
    std::vector<std::string> dns;  // the container's own servers; empty: the daemon's, else the host's
    std::vector<std::string> dns_options;  // likewise
    std::vector<LinkedPort> links;
    // The namespace to set up, which is somebody's already ("/proc/PID/ns/net"); "": a new one.
    std::string netns;
};

struct Endpoint {
    std::string network_name, network_id, endpoint_id;
    std::string driver = "bridge";  // of the network
    std::string container_name;
    std::string interface;  // eth0
    std::string ip_address, gateway, mac_address;
    int prefix_length = 0;
    std::string ipv6_address, ipv6_gateway;
    int ipv6_prefix_length = 0;
    std::vector<std::string> link_local_addresses;
    std::vector<std::string> names;  // as in the request; empty where the network has no names
    std::map<std::string, std::string> links;
    std::int64_t gateway_priority = 0;
    bool gatewayless = false;  // leads outside without a gateway (ipvlan on layer 3)
    // Settings of the interface that the user wants, "net/ipv4/conf/eth0/log_martians=1"; not remembered.
    std::vector<std::string> sysctls;
};

struct Sandbox {
    std::string id, key;  // key: path of the netns, "" for the host's
    std::vector<Endpoint> endpoints;
    std::vector<PortBinding> ports;  // with the host ports that were chosen
    bool resolver = false;           // 127.0.0.11 answers in it
};

struct Network {
    std::string name, id, driver, scope = "local";
    Timestamp created_at{};
    bool ipv4 = true, ipv6 = false;
    bool internal = false, attachable = false, ingress = false, config_only = false;
    std::string config_from;  // name of a config-only network
    std::string ipam_driver = "default";
    std::optional<std::map<std::string, std::string>> ipam_options;
    std::vector<IpamConfig> requested;  // subnets as asked for
    std::vector<IpamConfig> pools;      // as they are; on a bridge at most one of each family
    std::map<std::string, std::string> options, labels;

    // "bridge", "host", "none": always there.
    bool predefined() const;
    // What inspect shows: of each family what was asked for, else what was chosen.
    std::vector<IpamConfig> shown_ipam() const;
    // The gateway of a family, "" if there is none.
    std::string gateway(bool v6 = false) const;
};

// Where a container's resolv.conf sends its questions.
enum class Resolver {
    kHost,      // the host's own file
    kServers,   // the host's servers that a container can reach
    kEmbedded,  // 127.0.0.11
};

// Bridges, addresses, ports, names. Blocking; safe from any thread, but one container is attached, changed
// and detached by one caller at a time. Error texts are Docker's ("driver failed programming external
// connectivity on endpoint NAME (ID): Bind for 0.0.0.0:80 failed: port is already allocated").
class NetworkService {
 public:
    virtual ~NetworkService() = default;
    // Netns, links, addresses, routes, published ports. After an error nothing is left.
    virtual Result<Sandbox> attach(const SandboxRequest& request) = 0;
    // Tells of the connections that attach() has made, once the container has a process to be connected.
    virtual void announce(const std::string& container_id) = 0;
    // Takes all of it back. Idempotent; also cleans what a crash left of this container.
    virtual Result<> detach(const std::string& container_id) = 0;
    // One network more or less for a container that is attached; the sandbox as it is then.
    virtual Result<Sandbox> connect(const std::string& container_id, const EndpointRequest& request) = 0;
    virtual Result<Sandbox> disconnect(const std::string& container_id, const std::string& network) = 0;
    // A container that is attached is linked to these. Links to a container end with its sandbox.
    virtual Result<> relink(const std::string& container_id, std::vector<LinkedPort> links) = 0;
    // The container has another name: old -> new among its names in all networks.
    virtual void rename(const std::string& container_id, const std::string& old_name,
                        const std::string& name) = 0;
    // After a daemon start: networks and rules as they should be; sandboxes of live containers are adopted,
    // those of others are taken down. `live` lists the containers that still run.
    virtual Result<> recover(const std::vector<std::string>& live) = 0;
    virtual std::optional<Sandbox> find(const std::string& container_id) = 0;

    virtual std::vector<Network> list() = 0;
    virtual Result<Network> inspect(const std::string& name_or_id) = 0;
    // Containers on a network: ID -> endpoint.
    virtual std::map<std::string, Endpoint> members(const std::string& network_id) = 0;
    // `wanted` without id, date and pools. kConflict for a name that is taken.
    virtual Result<Network> create(Network wanted) = 0;
    // kForbidden for a predefined network and one with endpoints.
    virtual Result<> remove(const std::string& name_or_id) = 0;
    // Removes what no running container uses; the names of what went.
    virtual std::vector<std::string> prune(const std::function<bool(const Network&)>& wanted) = 0;
    // Whether this network can give what is asked for: kInvalidArgument "invalid endpoint settings:\n…".
    virtual Result<> check(const Network& network, const EndpointRequest& request) = 0;

    // "iptables", "nftables+firewalld".
    virtual std::string firewall() = 0;
    // The text of a container's resolv.conf.
    virtual Result<std::string> resolv_conf(Resolver resolver, const std::vector<std::string>& dns,
                                            const std::vector<std::string>& search,
                                            const std::vector<std::string>& options) = 0;
};

extern const state::Schema kSchema;
Result<std::unique_ptr<NetworkService>> open_network_service(NetworkConfig config, state::Database& database,
                                                             events::EventSink& events);

}  // namespace berth::network
