#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/api/router.h"
#include "engine/async/blocking_pool.h"
#include "engine/events/event.h"
#include "volumes/volume_service.h"

namespace berth::api {

// /volumes. All three must outlive the router; what touches the disk runs in the pool.
void add_volume_routes(Router& router, volumes::VolumeService& volumes, events::EventSink& events,
                       async::BlockingPool& pool);

// "Volumes" of GET /system/df: local volumes without options, with UsageData. Blocks, walks all of them.
Result<nlohmann::json> volume_usage(volumes::VolumeService& volumes);

}  // namespace berth::api
