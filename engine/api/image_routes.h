#pragma once

#include <functional>
#include <vector>

#include "engine/api/router.h"
#include "engine/async/blocking_pool.h"
#include "engine/events/event.h"
#include "engine/image/image_service.h"
#include "registry/registry_service.h"

namespace berth::api {

// What image routes need; everything outlives the router.
struct ImageRouteParts {
    IoContext& io;
    image::ImageService& images;
    registry::RegistryService& registry;
    events::EventSink& events;
    async::BlockingPool& pool;
    // Uploads occupy a thread for as long as their client takes: they get a pool of their own, so that slow
    // clients never keep others waiting for more than an upload.
    async::BlockingPool& transfers;
    // The containers there are, with their images. Called on the io thread.
    std::function<std::vector<image::ImageService::User>()> users;
};

// /images.
void add_image_routes(Router& router, ImageRouteParts parts);

}  // namespace berth::api
