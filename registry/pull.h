#pragma once

#include "registry/flights.h"
#include "registry/registry_service.h"
#include "registry/repository.h"
#include "registry/slots.h"

namespace berth::registry {

// What one pull needs; everything outlives it.
struct PullParts {
    IoContext& io;
    async::BlockingPool& pool;
    content::ContentStore& content;
    image::ImageService& images;
    Slots& slots;  // of all pulls
    Flights& flights;
};

// Pulls one image by tag or digest. An error before the first line is that of finding it.
Async<Result<>> pull_image(PullParts parts, std::shared_ptr<Repository> repository, PullRequest request,
                           image::Progress progress);

// "pulls" an image that this program carries.
Async<Result<>> load_embedded(async::BlockingPool& pool, image::ImageService& images,
                              oci::Reference reference, std::string_view archive, image::Progress progress);

}  // namespace berth::registry
