#pragma once

#include "engine/api/router.h"
#include "engine/events/bus.h"

namespace berth::api {

// GET /events. `bus` must outlive the router.
void add_event_routes(Router& router, events::Bus& bus);

}  // namespace berth::api
