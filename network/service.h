#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/sys/netlink.h"
#include "network/bridge.h"
#include "network/firewall/firewall.h"
#include "network/ipam/address_set.h"
#include "network/network_service.h"
#include "network/ports/host_ports.h"
#include "network/record.h"

namespace berth::network {

// NetworkService over one bridge. Members are guarded by mutex_, which is held for bookkeeping only, never
// over a system call that makes or removes something. Callers do not attach and detach one container at the
// same time.
class Service : public NetworkService {
 public:
    Service(NetworkConfig config, std::vector<Network> networks, std::unique_ptr<Firewall> firewall,
            events::EventSink& events);

    Result<Sandbox> attach(const SandboxRequest& request) override;
    Result<> detach(const std::string& container_id) override;
    Result<> recover(const std::vector<std::string>& live) override;
    std::optional<Sandbox> find(const std::string& container_id) override;
    std::vector<Network> list() override;
    Result<Network> inspect(const std::string& name_or_id) override;
    std::map<std::string, Endpoint> members(const std::string& network_id) override;
    Result<std::string> resolv_conf(const std::string& mode, const std::vector<std::string>& dns,
                                    const std::vector<std::string>& search,
                                    const std::vector<std::string>& options) override;

 private:
    struct Attached {
        Record record;
        std::vector<HostPort> ports;
    };

    // attach, in order
    Result<Attached> plan(const SandboxRequest& request);
    Result<> plan_address(const SandboxRequest& request, Endpoint& endpoint);
    Result<> reserve_ports(const SandboxRequest& request, Attached& attached);
    Result<> build(const Attached& attached);
    Result<> connect(sys::NetlinkSocket& host, const Endpoint& endpoint, const std::string& veth,
                     int netns_fd);
    // Waits for the bridge port, and has it send back what a container sends to its own published ports.
    Result<> settle(const Attached& attached);
    Result<> publish(const Attached& attached);

    // Takes every kernel object of a sandbox back; goes on after errors and returns the first.
    Result<> tear_down(const Record& record);
    void give_back(const Attached& attached);
    Attached adopt(Record record);
    std::string handle_folder() const { return config_.state_dir + "/netns"; }
    std::vector<Rule> rules_of(const Record& record) const;
    const Network* network_of(const std::string& name_or_id) const;
    void describe_bridge();
    void report(const char* action, const Attached& attached);

    const NetworkConfig config_;
    const std::unique_ptr<Firewall> firewall_;  // none with iptables=false
    events::EventSink& events_;
    RecordStore records_;
    HostPorts host_ports_;

    std::mutex mutex_;
    std::vector<Network> networks_;
    std::optional<Bridge> bridge_;  // there after recover(), unless bridge is "none"
    std::optional<AddressSet> addresses_;
    std::map<std::string, Attached> attached_;  // by container
};

}  // namespace berth::network
