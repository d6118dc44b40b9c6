#pragma once

#include <vector>

#include "engine/container/model.h"
#include "network/network_service.h"

namespace berth::container {

// "80/tcp", "80", "8000-8010/udp": each port of it. `invalid port …` in Docker's words.
struct ExposedPort {
    std::uint16_t port = 0;
    std::string protocol;
};
Result<std::vector<ExposedPort>> parse_exposed(const std::string& text);

// Checks ExposedPorts and PortBindings and brings them to one form: a range becomes its ports.
Result<> normalise_ports(types::ContainerConfig& config, types::HostConfig& host);

// What the network has to publish: of the exposed ports those that are bound, or all (PublishAllPorts). The
// container's ports are normalised.
std::vector<network::PortBinding> requested_ports(const Container& container);

}  // namespace berth::container
