#pragma once

#include "engine/api/image_routes.h"

// The routes that move images in and out.
namespace berth::api {

Async<Result<>> create_image(const ImageRouteParts& parts, Exchange& exchange);  // pull and import
Async<Result<>> push_image(const ImageRouteParts& parts, Exchange& exchange);
Async<Result<>> load_images(const ImageRouteParts& parts, Exchange& exchange);

}  // namespace berth::api
