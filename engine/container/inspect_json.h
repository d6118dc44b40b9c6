#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/container/core.h"

namespace berth::container {

// The object of GET /containers/ID/json. Blocking: looks up the container's layers.
nlohmann::json inspect_json(const Core& core, const Container& container,
                            const std::optional<network::Sandbox>& sandbox, const InspectOptions& options);
// NetworkSettings.Networks. Before its first start a container has its network's name and blanks.
nlohmann::json networks_json(const Core& core, const Container& container,
                             const std::optional<network::Sandbox>& sandbox);
// The same in a list entry, which leaves the names out.
nlohmann::json listed_networks_json(const Core& core, const Container& container,
                                    const std::optional<network::Sandbox>& sandbox);
nlohmann::json mounts_json(const Container& container);

}  // namespace berth::container
