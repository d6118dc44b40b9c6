#pragma once

#include "engine/api/router.h"
#include "engine/async/blocking_pool.h"
#include "engine/container/container_services.h"
#include "network/network_service.h"

namespace berth::api {

// /networks. What is given must outlive the router.
void add_network_routes(Router& router, network::NetworkService& networks,
                        container::ContainerNetworks& containers, async::BlockingPool& pool);

}  // namespace berth::api
