#pragma once

#include "engine/api/router.h"
#include "engine/container/container_services.h"

namespace berth::api {

// /containers but for files (file_routes.h). `containers` must outlive the
// router.
void add_container_routes(Router& router, container::ContainerServices& containers);

}  // namespace berth::api
