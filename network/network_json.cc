#include "network/network_json.h"

#include <nlohmann/json.hpp>

namespace berth::network {
namespace {

using nlohmann::json;

json encode(const std::vector<IpamConfig>& configs) {
    json list = json::array();
    for (const auto& config : configs)
        list.push_back({{"subnet", config.subnet},
                        {"range", config.ip_range},
                        {"gateway", config.gateway},
                        {"aux", config.aux_addresses}});
    return list;
}

std::vector<IpamConfig> decode(const json& object, const char* name) {
    std::vector<IpamConfig> configs;
    const json list = object.value(name, json::array());
    for (const auto& item : list)
        configs.push_back({item.at("subnet"), item.at("range"), item.at("gateway"), item.at("aux")});
    return configs;
}

}  // namespace

std::string render_network(const Network& network) {
    json object{{"version", 1},
                {"id", network.id},
                {"name", network.name},
                {"driver", network.driver},
                {"scope", network.scope},
                {"created", network.created_at.time_since_epoch().count()},
                {"ipv4", network.ipv4},
                {"ipv6", network.ipv6},
                {"internal", network.internal},
                {"attachable", network.attachable},
                {"ingress", network.ingress},
                {"config_only", network.config_only},
                {"config_from", network.config_from},
                {"ipam_driver", network.ipam_driver},
                {"requested", encode(network.requested)},
                {"pools", encode(network.pools)},
                {"options", network.options},
                {"labels", network.labels}};
    if (network.ipam_options) object["ipam_options"] = *network.ipam_options;
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Network> parse_network(const std::string& text) {
    using Map = std::map<std::string, std::string>;
    try {
        const auto object = json::parse(text);
        Network network;
        network.id = object.at("id");
        network.name = object.at("name");
        network.driver = object.at("driver");
        network.scope = object.value("scope", "local");
        network.created_at = Timestamp(std::chrono::nanoseconds(object.at("created").get<std::int64_t>()));
        network.ipv4 = object.value("ipv4", true);
        network.ipv6 = object.value("ipv6", false);
        network.internal = object.value("internal", false);
        network.attachable = object.value("attachable", false);
        network.ingress = object.value("ingress", false);
        network.config_only = object.value("config_only", false);
        network.config_from = object.value("config_from", "");
        network.ipam_driver = object.value("ipam_driver", "default");
        if (object.contains("ipam_options")) network.ipam_options = object.at("ipam_options").get<Map>();
        network.requested = decode(object, "requested");
        network.pools = decode(object, "pools");
        network.options = object.value("options", Map());
        network.labels = object.value("labels", Map());
        return network;
    } catch (const json::exception& error) {
        return fail(ErrorKind::kDataLoss, std::string("network document: ") + error.what());
    }
}

}  // namespace berth::network
