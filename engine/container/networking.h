#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/container/core.h"

namespace berth::container {

// Neither bridge, host, none nor another container's.
bool is_user_network(const std::string& name);

// What other containers of a user network find this one by: its name, its aliases, its short ID and its host
// name.
std::vector<std::string> names_in_network(const Container& container, const types::EndpointRequest& request);

// What a start wants of the network service.
network::SandboxRequest sandbox_request(const Container& container);

// Whether the networks that exist can give what the container wants of them; networks go by their names from
// here. What is missing shows at the start.
Result<> check_endpoints(const Core& core, Container& container);

std::unique_ptr<ContainerNetworks> make_networks(Core& core);

}  // namespace berth::container
