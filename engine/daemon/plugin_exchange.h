#pragma once

#include "engine/async/async.h"
#include "volumes/plugin_call.h"

namespace berth::daemon {

// Calls of plugins through the engine's HTTP client, for threads of the pool. `io` must outlive the calls.
volumes::PluginCall make_plugin_call(IoContext& io);

}  // namespace berth::daemon
