#pragma once

#include "engine/base/result.h"
#include "engine/sys/netlink.h"
#include "network/network_service.h"

namespace berth::network {

// Brings the default routes to what the sandbox's endpoints want. `inside` is a socket of its namespace.
Result<> set_routes(sys::NetlinkSocket& inside, const Sandbox& sandbox);

}  // namespace berth::network
