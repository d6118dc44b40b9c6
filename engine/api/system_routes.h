#pragma once

#include "api-spec/types/system.h"
#include "engine/api/router.h"

namespace berth::api {

// What the engine says about itself and its host.
class SystemService {
 public:
    virtual ~SystemService() = default;
    virtual types::SystemVersion version() = 0;
    virtual Async<Result<types::SystemInfo>> info() = 0;
};

// /_ping, /version, /info, /auth, and the answers of an engine without plugins and outside of a swarm.
// `system` must outlive the router.
void add_system_routes(Router& router, SystemService& system);

}  // namespace berth::api
