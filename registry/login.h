#pragma once

#include "registry/registry_service.h"
#include "registry/wire.h"

namespace berth::registry {

// Asks the registry that the credentials are for whether it takes them.
Async<Result<LoginAnswer>> log_in(IoContext& io, async::BlockingPool& pool, Settings settings,
                                  Credentials credentials);

}  // namespace berth::registry
