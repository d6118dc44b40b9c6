#pragma once

#include "registry/exchange.h"

namespace berth::registry {

// What a client names by an http or https URL, redirects followed, as a stranger. kInvalidArgument for other
// URLs; for an answer that is an error: "failed to GET URL with status 404 Not Found".
Async<Result<http::ClientResponse>> fetch_url(IoContext& io, Settings settings, std::string url);

}  // namespace berth::registry
