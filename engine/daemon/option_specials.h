#pragma once

#include "engine/daemon/options.h"

// Settings with a grammar of their own. What a flag gives goes into what is there already.
namespace berth::daemon {

extern const Special kRuntimes, kUlimits, kShmSize, kFeatures, kNetworkOptions, kAddressPools, kDnsServers,
    kHostGatewayIp, kBuilder, kIgnoredKey;

}  // namespace berth::daemon
