#include "engine/container/ports.h"

#include <arpa/inet.h>

#include <charconv>
#include <set>

namespace berth::container {

namespace {

bool parse_port(std::string_view text, unsigned& port) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port <= 65535;
}

// "80" or "80-90".
bool parse_range(std::string_view text, unsigned& first, unsigned& last) {
    auto dash = text.find('-');
    if (dash == text.npos) {
        bool good = parse_port(text, first);
        last = first;
        return good;
    }
    return parse_port(text.substr(0, dash), first) && parse_port(text.substr(dash + 1), last) &&
           first <= last;
}

Failure invalid_port(const std::string& text) {
    return fail(ErrorKind::kInvalidArgument, "invalid port specification: \"" + text + "\"");
}

// Of another an image may say that it is exposed; it cannot be published.
bool can_be_published(const ExposedPort& port) {
    return port.protocol == "tcp" || port.protocol == "udp" || port.protocol == "sctp";
}

bool is_address(const std::string& text) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

}  // namespace

Result<std::vector<ExposedPort>> parse_exposed(const std::string& text) {
    auto slash = text.find('/');
    std::string protocol = slash == text.npos ? "tcp" : text.substr(slash + 1);
    for (char& c : protocol) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    unsigned first = 0, last = 0;
    if (!parse_range(std::string_view(text).substr(0, slash), first, last) || first == 0)
        return invalid_port(text);
    if (protocol.empty()) return invalid_port(text);
    std::vector<ExposedPort> ports;
    for (unsigned port = first; port <= last; ++port)
        ports.push_back({static_cast<std::uint16_t>(port), protocol});
    return ports;
}

Result<> normalise_ports(types::ContainerConfig& config, types::HostConfig& host) {
    std::set<std::string> exposed;
    for (const auto& text : config.exposed_ports) {
        BERTH_TRY(auto ports, parse_exposed(text));
        if (host.publish_all_ports && !can_be_published(ports.front())) return invalid_port(text);
        for (const auto& port : ports) exposed.insert(std::to_string(port.port) + "/" + port.protocol);
    }
    std::map<std::string, std::vector<types::PortBinding>> bindings;
    for (const auto& [text, wanted] : host.port_bindings) {
        BERTH_TRY(auto ports, parse_exposed(text));
        if (!can_be_published(ports.front())) return invalid_port(text);
        for (const auto& binding : wanted) {
            unsigned first = 0, last = 0;
            if (!binding.host_port.empty() && !parse_range(binding.host_port, first, last)) {
                return fail(ErrorKind::kInvalidArgument,
                            "invalid port specification: \"" + binding.host_port + "\"");
            }
            if (!binding.host_ip.empty() && !is_address(binding.host_ip)) {
                return fail(ErrorKind::kInvalidArgument, "invalid IP address: " + binding.host_ip);
            }
        }
        for (const auto& port : ports) {
            std::string key = std::to_string(port.port) + "/" + port.protocol;
            auto& slot = bindings[key];
            slot.insert(slot.end(), wanted.begin(), wanted.end());
        }
    }
    config.exposed_ports = std::move(exposed);
    host.port_bindings = std::move(bindings);
    return {};
}

std::vector<network::PortBinding> requested_ports(const Container& container) {
    std::vector<network::PortBinding> requests;
    for (const auto& text : container.config.exposed_ports) {
        auto ports = parse_exposed(text);
        if (!ports || !can_be_published(ports->front())) continue;
        network::PortBinding request;
        request.container_port = ports->front().port;
        request.protocol = ports->front().protocol;
        auto bound = container.host.port_bindings.find(text);
        if (bound == container.host.port_bindings.end() || bound->second.empty()) {
            if (container.host.publish_all_ports) requests.push_back(request);
            continue;
        }
        for (const auto& binding : bound->second) {
            unsigned first = 0, last = 0;
            (void)parse_range(binding.host_port, first, last);
            request.host_ip = binding.host_ip;
            request.host_port = static_cast<std::uint16_t>(first);
            request.host_port_end = static_cast<std::uint16_t>(last == first ? 0 : last);
            requests.push_back(request);
        }
    }
    return requests;
}

}  // namespace berth::container
