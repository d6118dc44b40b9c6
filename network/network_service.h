#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/events/event.h"
#include "engine/state/database.h"

namespace berth::network {

// What the daemon's flags and daemon.json say.
struct NetworkConfig {
    std::string bridge = "docker0";  // "none": no default bridge
    std::string bip;                 // "172.17.0.1/16"; empty: from the pools, leaving out what the host uses
    std::vector<std::string> address_pools;  // "172.17.0.0/16/16"-style base/size; empty: Docker's own list
    int mtu = 1500;
    bool iptables = true, ip_forward = true, ip_masq = true, icc = true;
    std::string default_host_ip = "0.0.0.0";
    std::vector<std::string> dns, dns_search, dns_options;
    std::string state_dir;  // netns handles in STATE/netns/ID
};

struct PortBinding {
    std::uint16_t container_port = 0;
    std::string protocol = "tcp";     // tcp, udp
    std::string host_ip;              // "": the default host IP
    std::uint16_t host_port = 0;      // 0: any free one of the local range
    std::uint16_t host_port_end = 0;  // a range to choose from, else 0
};

struct SandboxRequest {
    std::string container_id;
    std::string container_name;
    std::string network = "bridge";  // "bridge" or "none"; host and container:ID never come here
    std::string mac_address, ipv4_address;
    std::vector<PortBinding> ports;
};

struct Endpoint {
    std::string network_name, network_id, endpoint_id;
    std::string container_name;  // as it was when attached
    std::string ip_address, gateway, mac_address;
    int prefix_length = 0;
};

struct Sandbox {
    std::string id, key;  // key: path of the netns
    std::vector<Endpoint> endpoints;
    std::vector<PortBinding> ports;  // with the host ports that were chosen
};

struct Network {
    std::string name, id, driver, scope = "local";
    std::string subnet, gateway;
    std::map<std::string, std::string> options, labels;
    Timestamp created_at{};
    bool internal = false;
};

// Bridges, addresses, ports. Blocking; safe from any thread. Error texts are Docker's ("driver failed
// programming external connectivity on endpoint NAME (ID): Bind for 0.0.0.0:80 failed: port is already
// allocated").
class NetworkService {
 public:
    virtual ~NetworkService() = default;
    // Netns, veth, address, routes, published ports. After an error nothing is left.
    virtual Result<Sandbox> attach(const SandboxRequest& request) = 0;
    // Takes all of it back. Idempotent; also cleans what a crash left of this container.
    virtual Result<> detach(const std::string& container_id) = 0;
    // After a daemon start: the bridge and the rules as they should be; sandboxes of live containers are
    // adopted, those of others are taken down. `live` lists the containers that still run.
    virtual Result<> recover(const std::vector<std::string>& live) = 0;
    virtual std::optional<Sandbox> find(const std::string& container_id) = 0;
    virtual std::vector<Network> list() = 0;
    virtual Result<Network> inspect(const std::string& name_or_id) = 0;
    // Containers on a network: ID -> endpoint.
    virtual std::map<std::string, Endpoint> members(const std::string& network_id) = 0;
    // The text of a container's resolv.conf in this network mode ("bridge", "host", "none").
    virtual Result<std::string> resolv_conf(const std::string& mode, const std::vector<std::string>& dns,
                                            const std::vector<std::string>& search,
                                            const std::vector<std::string>& options) = 0;
};

extern const state::Schema kSchema;
Result<std::unique_ptr<NetworkService>> open_network_service(NetworkConfig config, state::Database& database,
                                                             events::EventSink& events);

}  // namespace berth::network
