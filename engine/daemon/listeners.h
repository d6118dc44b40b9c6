#pragma once

#include <memory>

#include "engine/daemon/config.h"
#include "engine/http/server.h"
#include "engine/http/tls_server.h"

namespace berth::daemon {

// The TLS of the TCP listeners; nothing if the settings want none. Blocking.
Result<std::shared_ptr<const http::TlsServer>> load_tls(const Config& config);

// Opens config.hosts: socket files, TCP ports, and what the service manager opened for us (fd://, fd://3).
// Names are looked up: blocking, before the daemon serves.
Result<> listen(http::Server& server, const Config& config, std::shared_ptr<const http::TlsServer> tls);

}  // namespace berth::daemon
