#pragma once

#include "engine/api/router.h"
#include "network/network_service.h"

namespace berth::api {

// /networks: the predefined ones listed and inspected; what would need networks of the user's own is refused
// with 501. `networks` must outlive the router.
void add_network_routes(Router& router, network::NetworkService& networks);

}  // namespace berth::api
