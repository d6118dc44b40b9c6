#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::daemon {

// An address to listen on as dockerd's -H takes it, completed: "unix:///path", "tcp://host:port", "fd://…",
// "npipe://…". `unix_default` stands for "" and "unix://"; a missing host is localhost, a missing port 2375.
Result<std::string> parse_host(const std::string& text, const std::string& unix_default);

// All of them, each once, in order. None: the default socket.
Result<std::vector<std::string>> normalize_hosts(const std::vector<std::string>& hosts);

}  // namespace berth::daemon
