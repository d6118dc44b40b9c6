#pragma once

#include "engine/api/router.h"
#include "engine/container/container_services.h"

namespace berth::api {

// /containers but for files and stats, and /exec, which is refused with 501. `containers` must outlive the
// router.
void add_container_routes(Router& router, container::ContainerServices& containers);

}  // namespace berth::api
