#include <fmt/format.h>

#include "cli/commands/confirm.h"
#include "cli/commands/network_subnets.h"
#include "cli/commands/system.h"

namespace berth::cli {

namespace {

Json key_values(const std::vector<std::string>& items) {
    Json out = Json::object();
    for (const std::string& item : items) {
        auto equals = item.find('=');
        out[item.substr(0, equals)] = equals == std::string::npos ? "" : item.substr(equals + 1);
    }
    return out;
}

}  // namespace

int network_create_command(Invocation& invocation, const Arguments& arguments) {
    std::string driver = "bridge", scope, config_from, ipam_driver = "default";
    std::vector<std::string> options, labels, ipam_options, subnets, ranges, gateways, aux_addresses;
    bool internal = false, attachable = false, ingress = false, config_only = false, ipv4 = true,
         ipv6 = false;
    Flags flags("network create [OPTIONS] NETWORK", "Create a network");
    flags.text("driver,d", &driver, "string", "Driver to manage the Network");
    flags.list("opt,o", &options, "Set driver specific options");
    flags.list("label", &labels, "Set metadata on a network");
    flags.toggle("internal", &internal, "Restrict external access to the network");
    flags.toggle("ipv4", &ipv4, "Enable or disable IPv4 address assignment");
    flags.toggle("ipv6", &ipv6, "Enable or disable IPv6 address assignment");
    flags.toggle("attachable", &attachable, "Enable manual container attachment");
    flags.toggle("ingress", &ingress, "Create swarm routing-mesh network");
    flags.text("scope", &scope, "string", "Control the network's scope");
    flags.toggle("config-only", &config_only, "Create a configuration only network");
    flags.text("config-from", &config_from, "string", "The network from which to copy the configuration");
    flags.text("ipam-driver", &ipam_driver, "string", "IP Address Management Driver");
    flags.list("ipam-opt", &ipam_options, "Set IPAM driver specific options");
    flags.list("subnet", &subnets, "Subnet in CIDR format that represents a network segment");
    flags.list("ip-range", &ranges, "Allocate container ip from a sub-range");
    flags.list("gateway", &gateways, "IPv4 or IPv6 Gateway for the master subnet");
    flags.list("aux-address", &aux_addresses, "Auxiliary IPv4 or IPv6 addresses used by Network driver");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto configs = subnet_configs(subnets, ranges, gateways, aux_addresses);
    if (!configs) return invocation.failed(configs.error());
    Json body{
        {"Name", names[0]},
        {"Driver", config_only && !flags.changed("driver") ? "" : driver},
        {"Scope", scope},
        {"Internal", internal},
        {"Attachable", attachable},
        {"Ingress", ingress},
        {"ConfigOnly", config_only},
        {"Options", key_values(options)},
        {"Labels", key_values(labels)},
        {"IPAM", {{"Driver", ipam_driver}, {"Options", key_values(ipam_options)}, {"Config", *configs}}}};
    if (flags.changed("ipv4")) body["EnableIPv4"] = ipv4;
    if (flags.changed("ipv6")) body["EnableIPv6"] = ipv6;
    if (!config_from.empty()) body["ConfigFrom"] = {{"Network", config_from}};
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto network = (*engine)->post("/networks/create", std::move(body));
    if (!network) return invocation.failed(network.error());
    print(text_of(*network, "Id") + "\n");
    return 0;
}

int network_rm_command(Invocation& invocation, const Arguments& arguments) {
    bool force = false;
    Flags flags("network rm NETWORK [NETWORK...]", "Remove one or more networks");
    flags.toggle("force,f", &force, "Do not error if the network does not exist");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    return for_each_name(invocation, names, [&](Engine& engine, const std::string& name) -> Result<> {
        auto removed = engine.call("DELETE", "/networks/" + name);
        if (removed || (force && removed.error().kind == ErrorKind::kNotFound)) return {};
        return Failure(std::move(removed.error()));
    });
}

int network_prune_command(Invocation& invocation, const Arguments& arguments) {
    bool force = false;
    std::vector<std::string> filters;
    Flags flags("network prune [OPTIONS]", "Remove all unused networks");
    flags.toggle("force,f", &force, "Do not prompt for confirmation");
    flags.list("filter", &filters, "Provide filter values");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    if (!force && !confirmed("This will remove all custom networks not used by at least one container."))
        return 0;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto pruned = (*engine)->post("/networks/prune?filters=" + *encoded);
    if (!pruned) return invocation.failed(pruned.error());
    const Json deleted = pruned->value("NetworksDeleted", Json());
    if (!deleted.is_array() || deleted.empty()) return 0;
    print("Deleted Networks:\n");
    for (const Json& name : deleted) print(name.get<std::string>() + "\n");
    print("\n");
    return 0;
}

int network_connect_command(Invocation& invocation, const Arguments& arguments) {
    std::string ip, ip6;
    std::vector<std::string> links, aliases, link_local_ips, driver_options;
    std::int64_t priority = 0;
    Flags flags("network connect [OPTIONS] NETWORK CONTAINER", "Connect a container to a network");
    flags.text("ip", &ip, "string", "IPv4 address (e.g., \"172.30.100.104\")");
    flags.text("ip6", &ip6, "string", "IPv6 address (e.g., \"2001:db8::33\")");
    flags.list("link", &links, "Add link to another container");
    flags.list("alias", &aliases, "Add network-scoped alias for the container");
    flags.list("link-local-ip", &link_local_ips, "Add a link-local address for the container");
    flags.list("driver-opt", &driver_options, "driver options for the network");
    flags.number("gw-priority", &priority,
                 "Highest gw-priority provides the default gateway. Accepts positive and negative values");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 2, 2, names, status)) return status;
    Json endpoint = Json::object();
    if (!ip.empty()) endpoint["IPAMConfig"]["IPv4Address"] = ip;
    if (!ip6.empty()) endpoint["IPAMConfig"]["IPv6Address"] = ip6;
    if (!link_local_ips.empty()) endpoint["IPAMConfig"]["LinkLocalIPs"] = link_local_ips;
    if (!links.empty()) endpoint["Links"] = links;
    if (!aliases.empty()) endpoint["Aliases"] = aliases;
    if (!driver_options.empty()) endpoint["DriverOpts"] = key_values(driver_options);
    if (priority != 0) endpoint["GwPriority"] = priority;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto done = (*engine)->call("POST", "/networks/" + names[0] + "/connect",
                                Json{{"Container", names[1]}, {"EndpointConfig", std::move(endpoint)}});
    if (!done) return invocation.failed(done.error());
    return 0;
}

int network_disconnect_command(Invocation& invocation, const Arguments& arguments) {
    bool force = false;
    Flags flags("network disconnect [OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network");
    flags.toggle("force,f", &force, "Force the container to disconnect from a network");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 2, 2, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto done = (*engine)->call("POST", "/networks/" + names[0] + "/disconnect",
                                Json{{"Container", names[1]}, {"Force", force}});
    if (!done) return invocation.failed(done.error());
    return 0;
}

}  // namespace berth::cli
