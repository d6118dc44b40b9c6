#pragma once

#include "engine/api/router.h"
#include "registry/registry_service.h"

namespace berth::api {

// /auth, /distribution and /images/search: what is asked of registries without an image moving. The service
// outlives the router.
void add_registry_routes(Router& router, registry::RegistryService& registry);

}  // namespace berth::api
