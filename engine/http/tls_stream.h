#pragma once

#include <memory>
#include <string>

#include "engine/async/stream.h"

namespace berth::http {

// TLS as a client on top of a connected stream: at least TLS 1.2, the system's certificates, and `host` (a
// name or an address) must be who the certificate speaks for.
Async<Result<std::unique_ptr<async::Stream>>> connect_tls(std::unique_ptr<async::Stream> below,
                                                          std::string host);

}  // namespace berth::http
