#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::cli {

// Where the engine is, by docker's own client settings: -H, then DOCKER_HOST, then --context, DOCKER_CONTEXT
// or config.json's currentContext, then Berth's socket.
struct Settings {
    std::string host;         // "unix:///run/berth/berth.sock"
    std::string config_dir;   // DOCKER_CONFIG, else ~/.docker
    std::string api_version;  // DOCKER_API_VERSION, or "": what the engine speaks by itself
};

// `host` and `context` are what the command line gave, or "". "context \"x\": context not found: …"
// otherwise.
Result<Settings> find_settings(const std::string& host, const std::string& context,
                               const std::string& config_dir);

}  // namespace berth::cli
