#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/sys/netlink.h"
#include "network/bridge.h"
#include "network/firewall/firewall.h"
#include "network/firewall/firewalld.h"
#include "network/firewall/guard.h"
#include "network/firewall/legacy_watch.h"
#include "network/firewall/watch.h"
#include "network/ipam/address_set.h"
#include "network/names/netd_client.h"
#include "network/network_service.h"
#include "network/network_store.h"
#include "network/parent.h"
#include "network/ports/host_ports.h"
#include "network/record.h"
#include "network/sandbox/conntrack.h"

namespace berth::network {

// How the keys of proxies begin at berth-netd.
inline constexpr const char* kProxyKey = "proxy/";

// This engine's table, where the backend is nftables: engines are told apart by their state roots.
std::string nft_table(const NetworkConfig& config);

// What is published of one sandbox, at most one of each family.
using Published = std::vector<PublishedContainer>;

// NetworkService over bridges. Members are guarded by mutex_, which is held for bookkeeping only, never over
// a system call that makes or removes something. Callers do not attach, change and detach one container at
// the same time.
class Service : public NetworkService {
 public:
    struct Firewalls {
        std::unique_ptr<Firewall> v4, v6;  // none with iptables=false; no v6 on a host without it
    };
    Service(NetworkConfig config, NetworkStore store, std::vector<Network> networks, Firewalls firewalls,
            events::EventSink& events);

    Result<Sandbox> attach(const SandboxRequest& request) override;
    void announce(const std::string& container_id) override;
    Result<> detach(const std::string& container_id) override;
    Result<Sandbox> connect(const std::string& container_id, const EndpointRequest& request) override;
    Result<Sandbox> disconnect(const std::string& container_id, const std::string& network) override;
    Result<> relink(const std::string& container_id, std::vector<LinkedPort> links) override;
    void rename(const std::string& container_id, const std::string& old_name,
                const std::string& name) override;
    Result<> recover(const std::vector<std::string>& live) override;
    std::optional<Sandbox> find(const std::string& container_id) override;
    std::vector<Network> list() override;
    Result<Network> inspect(const std::string& name_or_id) override;
    std::map<std::string, Endpoint> members(const std::string& network_id) override;
    Result<Network> create(Network wanted) override;
    Result<> remove(const std::string& name_or_id) override;
    std::vector<std::string> prune(const std::function<bool(const Network&)>& wanted) override;
    Result<> check(const Network& network, const EndpointRequest& request) override;
    std::string firewall() override;
    Result<std::string> resolv_conf(Resolver resolver, const std::vector<std::string>& dns,
                                    const std::vector<std::string>& search,
                                    const std::vector<std::string>& options) override;

 private:
    // A network with what it has in the kernel.
    struct LiveNetwork {
        Network about;
        std::optional<Bridge> bridge;          // of a bridge network that is set up
        std::optional<ParentSettings> parent;  // of a macvlan or ipvlan network that is set up
        std::vector<AddressSet> addresses;     // one for each of about.pools
        int users = 0;                         // endpoints, also those on their way in or out
        bool hidden = false;                   // being made or removed

        bool ready() const { return bridge || parent; }
        // The addresses that this one is among, or null.
        AddressSet* set_of(const Ip& address);
    };
    struct Attached {
        Record record;
        std::vector<HostPort> ports;
        std::string netns;  // to set up instead of a new one, or ""
    };

    // Networks (networks.cc, recover.cc). *_locked and network_of() with mutex_ held.
    // What a config-only network says goes into one that refers to it. With mutex_ held.
    Result<> take_config(Network& wanted);
    Result<> check_new(Network& wanted);
    Result<LiveNetwork*> claim_network(Network wanted);
    Result<IpamConfig> choose_pool(bool v6, std::vector<Subnet> used) const;
    Result<> choose_pools(Network& network, const std::vector<Subnet>& host) const;
    Result<> claim_bridge_name(const Network& network) const;
    Result<> claim_parent(const Network& network) const;
    bool parent_is_shared(const LiveNetwork& network) const;
    static Result<> fill_addresses(LiveNetwork& network);
    // Its link, then its rules; and both away.
    Result<> raise(LiveNetwork& network);
    Result<> protect(LiveNetwork& network);
    Result<> lower(LiveNetwork& network);
    void forget(const std::string& id);
    Result<> recover_networks();
    // The guard, as far as there is one: all networks, one more, one less (shield.cc).
    void open_guard();
    void shield(const Bridge& bridge);
    void unshield(const Bridge& bridge);
    void yield_to_others();
    // firewalld's zone, as far as there is one: all bridges, one more, one less (zone.cc).
    void open_firewalld();
    void enlist_all(Firewalld& firewalld);
    Result<> enlist(const Bridge& bridge);
    void strike_off(const std::string& bridge);
    // Whether an earlier run has set FORWARD's policy, by iptables.
    Result<bool> note_forwarding();
    void retire_iptables(bool own_policy);
    Result<> recover_bridges();
    // The rules of all networks, and `ports`; what a killed daemon left of networks goes.
    Result<> reconcile(const Published& published, bool drop_forwarded);
    // Rules that somebody has taken come back.
    void repair();
    void watch_rules();
    LiveNetwork* network_of(const std::string& name_or_id);
    LiveNetwork* network_with(const std::string& id);
    std::string endpoints_of(const std::string& network_id) const;

    // Endpoints (endpoints.cc)
    Result<Endpoint> reserve_endpoint(const std::string& container_id, const std::string& container_name,
                                      const EndpointRequest& request, const std::vector<Endpoint>& others);
    static Result<> choose_addresses(LiveNetwork& network, const EndpointRequest& request,
                                     Endpoint& endpoint);
    // What a bridge, or a parent, gives an endpoint beside its addresses.
    static Result<> choose_link(const LiveNetwork& network, const EndpointRequest& request,
                                const std::vector<Endpoint>& others, Endpoint& endpoint);
    static void release_addresses(LiveNetwork& network, const Endpoint& endpoint);
    void release_endpoint(const Endpoint& endpoint);
    // Makes the link from both sides: `host` and `inside` are sockets of the two namespaces.
    Result<> plug(sys::NetlinkSocket& host, sys::NetlinkSocket& inside, const Endpoint& endpoint,
                  int netns_fd);
    // Waits for the bridge port, and has it send back what a container sends to its own published ports.
    Result<> settle(const Endpoint& endpoint, bool hairpin);
    void silence(const Endpoint& endpoint);
    // Takes links that stand on a parent out of their namespace: it may have but one of a kind or an address.
    static void take_out_sublinks(const Record& record);

    // Sandboxes (attach.cc, connect.cc)
    Result<Attached> plan(const SandboxRequest& request);
    Result<> build(Attached& attached, ResolverSockets& sockets);
    Result<> reserve_ports(Attached& attached);
    Result<> publish(Attached& attached);
    // Ports that berth-netd proxies: those on IPv6 addresses of the host, which rules cannot lead to an IPv4
    // container, nor from ::1 to any.
    Result<> start_proxies(Attached& attached);
    bool needs_proxy(const Record& record, const PortBinding& port) const;
    void stop_proxies(const Record& record);
    // Those that no netd serves any more.
    void restore_proxies(Attached& attached);
    bool is_proxied(const Record& record, const PortBinding& port);
    // A binding with an address of the host. One that names none is two, of which the second takes the port
    // that the first has got.
    struct HostBinding {
        PortBinding binding;
        bool second = false;
    };
    // Those of the families that the container can be reached by.
    std::vector<HostBinding> expand(const std::vector<PortBinding>& bindings, const BridgeSettings& settings,
                                    const Endpoint& gateway) const;
    bool to_loopback(const BridgeSettings& settings) const {
        return settings.to_loopback.value_or(config_.publish_to_loopback);
    }
    bool by_input(const BridgeSettings& settings) const {
        return settings.by_input.value_or(config_.publish_by_input);
    }
    bool can_proxy(const std::string& protocol = "tcp") const;
    Result<> reserve_one(Attached& attached, PortBinding binding, Ip container_ip);
    Firewall* firewall(bool v6) const { return (v6 ? firewalls_.v6 : firewalls_.v4).get(); }
    // The same change for each, both families at once; goes on after errors and returns the first.
    template <class Subject>
    Result<> on_walls(const std::vector<Subject>& subjects,
                      Result<> (Firewall::*change)(const Subject&)) const;
    Result<> add_rules(const Published& published);
    Result<> remove_rules(const Published& published);
    // Links of others to what is on its way out (linking.cc).
    void forget_links_to(const Record& record);
    Result<> change_links(const std::string& container_id, std::vector<LinkedPort> links);
    Published linked_by(const Record& record) const;
    // Both: what it publishes, and its links.
    Published rules_of(const Record& record) const;
    // Ports go where the default route goes. `next` is what the record is to be.
    Result<> move_ports(Attached& attached, Record& next);
    // Takes every kernel object of a sandbox back; goes on after errors and returns the first.
    Result<> tear_down(const Record& record);
    void give_back(const Attached& attached);
    Attached adopt(Record record);
    // Names (naming.cc)
    bool wants_names(const Record& record) const;
    SandboxNames names_of(const Record& record) const;
    // In the sandbox's namespace; the ports go into the record.
    Result<> open_names(Record& record, ResolverSockets& sockets) const;
    // Files and sockets of a sandbox that is attached, and what others see of it.
    Result<> start_names(const Record& record, ResolverSockets sockets);
    void stop_names(const Record& record);
    // After a change of a sandbox that goes on; `left` is a network it is no longer in, or "".
    void update_names(const Record& record, const std::string& left);
    Result<> write_network_names(const std::string& network_id);
    void recover_names();
    // A netd has ended: another one takes over all that it served.
    void replace_netd();
    Attached* attached_to(const std::string& container_id);
    std::string handle_folder() const { return config_.state_dir + "/netns"; }
    Published published_by(const Record& record) const;
    std::optional<BridgeSettings> settings_of(const std::string& network_id) const;
    void report(const char* action, const std::string& container, const Endpoint& endpoint);
    void report(const char* action, const Network& network);

    const NetworkConfig config_;
    const Firewalls firewalls_;
    events::EventSink& events_;
    NetworkStore store_;
    RecordStore records_;
    HostPorts host_ports_;
    Conntrack conntrack_;
    std::mutex names_mutex_;  // the order of a names file's versions; taken before mutex_

    mutable std::mutex mutex_;
    std::map<std::string, LiveNetwork> networks_;  // by ID; addresses of elements stay
    std::map<std::string, Attached> attached_;     // by container
    UniqueFd bridge_claim_;

    // Held shared while rules and proxies and what members say of them differ, alone by repair() and
    // replace_netd().
    std::shared_mutex rules_mutex_;
    bool drops_forwarded_ = false;  // this process has set FORWARD's policy
    // Last: their threads use the others.
    NetdClient netd_;
    std::unique_ptr<Guard> guard_;
    std::unique_ptr<RuleWatch> watch_;
    std::unique_ptr<LegacyWatch> legacy_watch_;
    std::unique_ptr<Firewalld> firewalld_;
};

}  // namespace berth::network
