#include "api-spec/types/networking_config.h"

#include "api-spec/types/json_fields.h"

namespace berth::types {

void fields(auto& visit, Either<EndpointIpam> auto& self) {
    visit("IPv4Address", self.ipv4_address);
    visit.unsupported("IPv6Address", Empty::kText);
    visit.unsupported("LinkLocalIPs", Empty::kNull);
}

void fields(auto& visit, Either<EndpointRequest> auto& self) {
    visit("IPAMConfig", self.ipam);
    visit("Aliases", self.aliases);
    visit("MacAddress", self.mac_address);
    visit.unsupported("Links", Empty::kNull);
    visit.unsupported("DriverOpts", Empty::kNull);
    visit.unsupported("GwPriority", Empty::kZero);
}

Result<EndpointRequest> parse_endpoint_request(const nlohmann::json& object, const std::string& path) {
    return read_fields<EndpointRequest>(object, path);
}

Result<std::map<std::string, EndpointRequest>> parse_networking_config(const nlohmann::json& object,
                                                                       const std::string& path) {
    std::map<std::string, EndpointRequest> endpoints;
    auto config = object.find("EndpointsConfig");
    if (config == object.end() || config->is_null()) return endpoints;
    for (const auto& [name, endpoint] : config->items()) {
        EndpointRequest& request = endpoints[name];
        if (endpoint.is_null()) continue;
        BERTH_TRY(request, parse_endpoint_request(endpoint, path + ".EndpointsConfig." + name));
    }
    return endpoints;
}

nlohmann::json to_json(const EndpointRequest& request) {
    return FieldWriter::write(request);
}

}  // namespace berth::types
