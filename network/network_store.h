#pragma once

#include <vector>

#include "engine/state/database.h"
#include "network/network_service.h"

namespace berth::network {

// The predefined networks "none", "host" and "bridge", in this order. Made at the first start; their IDs and
// dates never change after that.
Result<std::vector<Network>> load_networks(state::Database& database);

}  // namespace berth::network
