#pragma once

#include <string>
#include <vector>

#include "network/network_service.h"

namespace berth::network {

// The intent record of one sandbox: STATE/network/CONTAINER_ID.json, written before the first kernel object
// is made and removed after the last one is gone. It names all of them, so that whoever finds it can adopt or
// undo them. Kernel objects die with the boot and so does the tmpfs it lies on: no fsync, no database.
//
//   {"version":2, "container":ID, "name":NAME, "sandbox":ID, "key":PATH, "dns":[SERVER],
//   "dns_options":[OPTION],
//    "endpoints":[{"network","network_id","id","driver","interface","ip","prefix","gateway","mac","ip6","prefix6",
//                  "gateway6","link_local":[],"names":[],"links":{},"priority","gatewayless"}],
//    "requested":[PORT], "links":[{"address","protocol","port"}], "ports":[PORT], "published_on":ENDPOINT_ID,
//    "by_input":BOOL, "resolver":{"udp":PORT,"tcp":PORT}}
//   PORT: {"protocol","host_ip","host_port","host_port_end","container_port"}
struct Record {
    std::string container, name;
    Sandbox sandbox;
    std::vector<std::string> dns, dns_options;
    std::vector<PortBinding> requested;
    std::vector<LinkedPort> links;
    bool by_input = false;     // berth-netd has every published port
    std::string published_on;  // the endpoint that the port rules lead to, "" while no port is published
    std::uint16_t resolver_udp = 0, resolver_tcp = 0;  // where 127.0.0.11 really listens; 0: nowhere
};

// The host's end of an endpoint's veth; "" for an endpoint without one.
std::string veth_of(const Endpoint& endpoint);

// The endpoint that gives the sandbox its default route, and so its published ports: the highest priority,
// then the first by the network's name. Null when no network leads outside.
const Endpoint* gateway_of(const Sandbox& sandbox);

class RecordStore {
 public:
    explicit RecordStore(std::string folder) : folder_(std::move(folder)) {}
    Result<> write(const Record& record);
    Result<> remove(const std::string& container);
    // A damaged record is logged and left out.
    Result<std::vector<Record>> read_all();

 private:
    std::string path(const std::string& container) const { return folder_ + "/" + container + ".json"; }
    std::string folder_;
};

}  // namespace berth::network
