#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/api/router.h"
#include "engine/async/blocking_pool.h"
#include "engine/events/event.h"
#include "volumes/volume_service.h"

namespace berth::api {

// A volume as the API shows it.
nlohmann::json describe_volume(const volumes::Volume& volume);

// /volumes. All three must outlive the router; what touches the disk runs in the pool.
void add_volume_routes(Router& router, volumes::VolumeService& volumes, events::EventSink& events,
                       async::BlockingPool& pool);

}  // namespace berth::api
