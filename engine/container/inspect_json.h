#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/container/core.h"

namespace berth::container {

// The object of GET /containers/ID/json.
nlohmann::json inspect_json(const Core& core, const Container& container,
                            const std::optional<network::Sandbox>& sandbox);
// NetworkSettings.Networks, also of a list entry. Before its first start a container has its network's name
// and blanks.
nlohmann::json networks_json(const Core& core, const Container& container,
                             const std::optional<network::Sandbox>& sandbox);
nlohmann::json mounts_json(const Container& container);

}  // namespace berth::container
