#include "network/record.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"

namespace berth::network {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

json encode(const Endpoint& endpoint) {
    return {{"network", endpoint.network_name},
            {"network_id", endpoint.network_id},
            {"id", endpoint.endpoint_id},
            {"interface", endpoint.interface},
            {"ip", endpoint.ip_address},
            {"prefix", endpoint.prefix_length},
            {"gateway", endpoint.gateway},
            {"mac", endpoint.mac_address},
            {"ip6", endpoint.ipv6_address},
            {"prefix6", endpoint.ipv6_prefix_length},
            {"gateway6", endpoint.ipv6_gateway},
            {"link_local", endpoint.link_local_addresses},
            {"names", endpoint.names},
            {"links", endpoint.links},
            {"priority", endpoint.gateway_priority},
            {"driver", endpoint.driver},
            {"gatewayless", endpoint.gatewayless}};
}

Endpoint decode_endpoint(const json& object) {
    Endpoint endpoint;
    endpoint.network_name = object.at("network");
    endpoint.network_id = object.at("network_id");
    endpoint.endpoint_id = object.at("id");
    endpoint.interface = object.at("interface");
    endpoint.ip_address = object.at("ip");
    endpoint.prefix_length = object.at("prefix");
    endpoint.gateway = object.at("gateway");
    endpoint.mac_address = object.at("mac");
    endpoint.ipv6_address = object.at("ip6");
    endpoint.ipv6_prefix_length = object.at("prefix6");
    endpoint.ipv6_gateway = object.at("gateway6");
    endpoint.link_local_addresses = object.at("link_local").get<Texts>();
    endpoint.names = object.at("names").get<Texts>();
    endpoint.links = object.value("links", std::map<std::string, std::string>());
    endpoint.gateway_priority = object.at("priority");
    endpoint.driver = object.value("driver", endpoint.interface.empty() ? "" : "bridge");
    endpoint.gatewayless = object.value("gatewayless", false);
    return endpoint;
}

json encode(const std::vector<PortBinding>& ports) {
    json list = json::array();
    for (const auto& port : ports)
        list.push_back({{"protocol", port.protocol},
                        {"host_ip", port.host_ip},
                        {"host_port", port.host_port},
                        {"host_port_end", port.host_port_end},
                        {"container_port", port.container_port}});
    return list;
}

std::vector<PortBinding> decode_ports(const json& list) {
    std::vector<PortBinding> ports;
    for (const auto& port : list) {
        PortBinding binding;
        binding.protocol = port.at("protocol");
        binding.host_ip = port.at("host_ip");
        binding.host_port = port.at("host_port");
        binding.host_port_end = port.at("host_port_end");
        binding.container_port = port.at("container_port");
        ports.push_back(std::move(binding));
    }
    return ports;
}

json encode(const std::vector<LinkedPort>& links) {
    json list = json::array();
    for (const auto& link : links)
        list.push_back({{"address", link.address}, {"protocol", link.protocol}, {"port", link.port}});
    return list;
}

json encode(const Record& record) {
    json endpoints = json::array();
    for (const auto& endpoint : record.sandbox.endpoints) endpoints.push_back(encode(endpoint));
    return {{"version", 2},
            {"container", record.container},
            {"name", record.name},
            {"sandbox", record.sandbox.id},
            {"key", record.sandbox.key},
            {"dns", record.dns},
            {"dns_options", record.dns_options},
            {"endpoints", std::move(endpoints)},
            {"requested", encode(record.requested)},
            {"links", encode(record.links)},
            {"ports", encode(record.sandbox.ports)},
            {"published_on", record.published_on},
            {"by_input", record.by_input},
            {"resolver", {{"udp", record.resolver_udp}, {"tcp", record.resolver_tcp}}}};
}

Record decode(const json& object) {
    Record record;
    record.container = object.at("container");
    record.name = object.at("name");
    record.sandbox.id = object.at("sandbox");
    record.sandbox.key = object.at("key");
    record.dns = object.at("dns").get<Texts>();
    record.dns_options = object.value("dns_options", Texts());
    for (const auto& endpoint : object.at("endpoints")) {
        record.sandbox.endpoints.push_back(decode_endpoint(endpoint));
        record.sandbox.endpoints.back().container_name = record.name;
    }
    record.requested = decode_ports(object.at("requested"));
    record.sandbox.ports = decode_ports(object.at("ports"));
    for (const auto& link : object.value("links", json::array()))
        record.links.push_back({link.at("address"), link.at("protocol"), link.at("port")});
    record.published_on = object.at("published_on");
    record.by_input = object.value("by_input", false);
    record.resolver_udp = object.at("resolver").at("udp");
    record.resolver_tcp = object.at("resolver").at("tcp");
    record.sandbox.resolver = record.resolver_udp != 0;
    return record;
}

}  // namespace

std::string veth_of(const Endpoint& endpoint) {
    return endpoint.interface.empty() || endpoint.driver != "bridge"
               ? ""
               : "veth" + endpoint.endpoint_id.substr(0, 7);
}

const Endpoint* gateway_of(const Sandbox& sandbox) {
    const Endpoint* best = nullptr;
    for (const auto& endpoint : sandbox.endpoints) {
        if (endpoint.gateway.empty() && endpoint.ipv6_gateway.empty() && !endpoint.gatewayless) continue;
        const bool better = !best || endpoint.gateway_priority > best->gateway_priority ||
                            (endpoint.gateway_priority == best->gateway_priority &&
                             endpoint.network_name < best->network_name);
        if (better) best = &endpoint;
    }
    return best;
}

Result<> RecordStore::write(const Record& record) {
    return in("record network sandbox",
              replace_file(path(record.container), encode(record).dump(), 0600, Sync::kNone));
}

Result<> RecordStore::remove(const std::string& container) {
    if (::unlink(path(container).c_str()) != 0 && errno != ENOENT)
        return fail_errno("remove " + path(container));
    return {};
}

Result<std::vector<Record>> RecordStore::read_all() {
    std::vector<Record> records;
    BERTH_TRY(auto names, list_folder(folder_));
    for (const auto& name : names) {
        if (!name.ends_with(".json")) continue;
        auto text = read_file(folder_ + "/" + name);
        if (!text) return Failure(std::move(text.error()));
        try {
            records.push_back(decode(json::parse(*text)));
        } catch (const json::exception& error) {
            log::error("damaged network record", {{"file", name}, {"error", error.what()}});
        }
    }
    return records;
}

}  // namespace berth::network
