#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::volumes {

// One request of Docker's plugin protocol: POST /METHOD with a JSON body, an answer in JSON.
struct PluginRequest {
    std::string address;  // "unix:///run/docker/plugins/x.sock", "tcp://host:port", "http://…"
    std::string method;   // "VolumeDriver.Mount"
    std::string body;
    std::chrono::seconds deadline{60};
};
// Answers with the body of a 200. What a plugin refuses with another status is the error "METHOD: its text".
// Blocks; not on the io thread.
using PluginCall = std::function<Result<std::string>(PluginRequest)>;

// Where plugins are found: NAME.sock (or NAME/NAME.sock) in the first, NAME.spec (a line with the address) or
// NAME.json ({"Name","Addr"}) in the others.
struct PluginFolders {
    std::vector<std::string> sockets{"/run/docker/plugins"};
    std::vector<std::string> specs{"/etc/docker/plugins", "/usr/lib/docker/plugins"};
};

}  // namespace berth::volumes
