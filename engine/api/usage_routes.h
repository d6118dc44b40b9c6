#pragma once

#include "engine/api/router.h"
#include "engine/async/blocking_pool.h"
#include "engine/container/container_services.h"
#include "engine/image/image_service.h"
#include "volumes/volume_service.h"

namespace berth::api {

// What /system/df adds up; everything outlives the router.
struct UsageParts {
    container::ContainerInspector& containers;
    image::ImageService& images;
    volumes::VolumeService& volumes;
    async::BlockingPool& pool;
};
void add_usage_routes(Router& router, UsageParts parts);

}  // namespace berth::api
