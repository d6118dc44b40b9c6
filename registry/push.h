#pragma once

#include "registry/registry_service.h"
#include "registry/repository.h"
#include "registry/slots.h"

namespace berth::registry {

// What one push needs; everything outlives it.
struct PushParts {
    IoContext& io;
    async::BlockingPool& pool;
    content::ContentStore& content;
    image::ImageService& images;
    Slots& slots;  // of all pushes
};

// Pushes one image under one name: what its blobs are told from the rest by (the platform, if one is asked
// for), then blobs, then manifests from the innermost to the one that gets the tag.
Async<Result<>> push_image(PushParts parts, Repository& repository, oci::Reference reference,
                           std::optional<oci::Platform> platform, image::Progress progress);

}  // namespace berth::registry
