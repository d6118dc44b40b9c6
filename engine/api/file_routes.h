#pragma once

#include "engine/api/router.h"
#include "engine/container/container_services.h"

namespace berth::api {

// Files of containers: /containers/{id}/archive, /export and /changes, and /commit. `files` must outlive the
// router.
void add_file_routes(Router& router, container::ContainerFiles& files, IoContext& io);

}  // namespace berth::api
