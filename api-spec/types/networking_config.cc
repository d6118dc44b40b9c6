#include "api-spec/types/networking_config.h"

#include "api-spec/types/json_fields.h"

namespace berth::types {

void fields(auto& visit, Either<EndpointIpam> auto& self) {
    visit("IPv4Address", self.ipv4_address);
    visit("IPv6Address", self.ipv6_address);
    visit("LinkLocalIPs", self.link_local_ips);
}

void fields(auto& visit, Either<EndpointRequest> auto& self) {
    visit("IPAMConfig", self.ipam);
    visit("Aliases", self.aliases);
    visit("MacAddress", self.mac_address);
    visit("Links", self.links);
    visit("DriverOpts", self.driver_opts);
    visit("GwPriority", self.gw_priority);
}

Result<EndpointRequest> parse_endpoint_request(const nlohmann::json& object, const std::string& path) {
    return read_fields<EndpointRequest>(object, path);
}

Result<std::map<std::string, EndpointRequest>> parse_networking_config(const nlohmann::json& object,
                                                                       const std::string& path) {
    std::map<std::string, EndpointRequest> endpoints;
    auto config = object.find("EndpointsConfig");
    if (config == object.end() || config->is_null()) return endpoints;
    const std::string where = path + ".EndpointsConfig";
    auto no_object = [](const std::string& field) {
        return fail(ErrorKind::kInvalidArgument,
                    "invalid JSON: json: cannot unmarshal into Go struct field " + field + " of type object");
    };
    if (!config->is_object()) return no_object(where);
    for (const auto& [name, endpoint] : config->items()) {
        EndpointRequest& request = endpoints[name];
        if (endpoint.is_null()) {
            return fail(ErrorKind::kInvalidArgument,
                        "invalid config for network " + name + ": EndpointsConfig is nil");
        }
        if (!endpoint.is_object()) return no_object(where + "." + name);
        BERTH_TRY(request, parse_endpoint_request(endpoint, where + "." + name));
    }
    return endpoints;
}

nlohmann::json to_json(const EndpointRequest& request) {
    return FieldWriter::write(request);
}

}  // namespace berth::types
