#pragma once

#include "engine/api/router.h"
#include "engine/container/container_services.h"

namespace berth::api {

void add_exec_routes(Router& router, container::ContainerExecs& execs);

}  // namespace berth::api
