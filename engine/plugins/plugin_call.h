#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "engine/async/async.h"
#include "engine/plugins/plugin_directory.h"

namespace berth::plugins {

// One request of Docker's plugin protocol: POST /METHOD with a JSON body, an answer in JSON.
struct PluginRequest {
    PluginAddress address;
    std::string method;  // "VolumeDriver.Mount"
    std::string body;
    std::chrono::seconds deadline{60};
};

// Answers with the body of a 200. What a plugin refuses with another status is the error "METHOD: its text".
Async<Result<std::string>> call_plugin(IoContext& io, PluginRequest request);
// The same for plugins that may be starting again: while nobody listens it tries again after 1, 2, 4 and 8
// seconds, as dockerd does.
Async<Result<std::string>> call_plugin_patiently(IoContext& io, PluginRequest request);

// call_plugin() for threads of the pool; never to be called on the io thread.
using PluginCall = std::function<Result<std::string>(PluginRequest)>;
// `io` must outlive the calls.
PluginCall make_plugin_call(IoContext& io);

// Whether the answer to Plugin.Activate says that the plugin is a `kind` ("VolumeDriver", "authz"); kNotFound
// in Docker's words if not.
Result<> check_manifest(const std::string& answer, const std::string& name, const std::string& kind);

}  // namespace berth::plugins
