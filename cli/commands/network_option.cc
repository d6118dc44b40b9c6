#include "cli/commands/network_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace berth::cli {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

struct Attachment {
    std::string target;
    Json endpoint = Json::object();
};

bool user_defined(const std::string& target) {
    return target != "default" && target != "bridge" && target != "host" && target != "none" &&
           !target.starts_with("container:");
}

Result<> set_field(const std::string& key, const std::string& value, Attachment& out) {
    Json& ipam = out.endpoint["IPAMConfig"];
    if (key == "name") {
        out.target = value;
    } else if (key == "alias") {
        out.endpoint["Aliases"].push_back(value);
    } else if (key == "ip") {
        ipam["IPv4Address"] = value;
    } else if (key == "ip6") {
        ipam["IPv6Address"] = value;
    } else if (key == "link-local-ip") {
        ipam["LinkLocalIPs"].push_back(value);
    } else if (key == "mac-address") {
        out.endpoint["MacAddress"] = value;
    } else if (key == "driver-opt") {
        const auto equals = value.find('=');
        if (equals == std::string::npos) return bad("invalid key value pair format in driver options");
        out.endpoint["DriverOpts"][value.substr(0, equals)] = value.substr(equals + 1);
    } else if (key == "gw-priority") {
        int priority = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), priority);
        if (error != std::errc() || end != value.data() + value.size())
            return bad(fmt::format("invalid gw-priority ({}): invalid syntax", value));
        out.endpoint["GwPriority"] = priority;
    } else {
        return bad("invalid field key " + key);
    }
    return {};
}

Result<Attachment> parse_network(const std::string& text) {
    Attachment out;
    if (text.find('=') == std::string::npos) {
        out.target = text;
        return out;
    }
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        const std::string field = text.substr(at, end - at);
        const auto equals = field.find('=');
        if (equals == std::string::npos) return bad("invalid field " + field);
        BERTH_CHECK(set_field(field.substr(0, equals), field.substr(equals + 1), out));
        at = end + 1;
    }
    if (out.endpoint["IPAMConfig"].is_null()) out.endpoint.erase("IPAMConfig");
    if (out.target.empty()) return bad("network name/id is not specified");
    return out;
}

Result<> add_options(const EndpointOptions& options, Attachment& first) {
    if (!user_defined(first.target) && !options.aliases.empty())
        return bad("network-scoped aliases are only supported for user-defined networks");
    if (!options.aliases.empty() && first.endpoint.contains("Aliases"))
        return bad("conflicting options: cannot specify both --network-alias and per-network alias");
    if (!options.mac.empty() && first.endpoint.contains("MacAddress"))
        return bad("conflicting options: cannot specify both --mac-address and per-network MAC address");
    for (const auto& alias : options.aliases) first.endpoint["Aliases"].push_back(alias);
    if (user_defined(first.target))
        for (const auto& link : options.links) first.endpoint["Links"].push_back(link);
    if (!options.ip.empty()) first.endpoint["IPAMConfig"]["IPv4Address"] = options.ip;
    if (!options.ip6.empty()) first.endpoint["IPAMConfig"]["IPv6Address"] = options.ip6;
    for (const auto& ip : options.link_local_ips) first.endpoint["IPAMConfig"]["LinkLocalIPs"].push_back(ip);
    if (!options.mac.empty()) first.endpoint["MacAddress"] = options.mac;
    return {};
}

}  // namespace

Result<> add_networks(const std::vector<std::string>& networks, const EndpointOptions& options, Json& config,
                      Json& host) {
    std::vector<Attachment> attachments;
    for (const auto& text : networks.empty() ? std::vector<std::string>{"default"} : networks) {
        BERTH_TRY(auto attachment, parse_network(text));
        attachments.push_back(std::move(attachment));
    }
    BERTH_CHECK(add_options(options, attachments.front()));
    host["NetworkMode"] = attachments.front().target;
    if (attachments.front().target.starts_with("container:") && attachments.size() == 1) return {};
    Json endpoints = Json::object();
    for (auto& attachment : attachments) {
        if (attachments.size() > 1 && !user_defined(attachment.target))
            return bad(
                "conflicting options: cannot attach both user-defined and non-user-defined network-modes");
        if (endpoints.contains(attachment.target))
            return bad(fmt::format("conflicting options: network {:?} is specified multiple times",
                                   attachment.target));
        endpoints[attachment.target] = std::move(attachment.endpoint);
    }
    config["NetworkingConfig"]["EndpointsConfig"] = std::move(endpoints);
    return {};
}

}  // namespace berth::cli
