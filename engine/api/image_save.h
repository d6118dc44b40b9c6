#pragma once

#include "engine/api/image_routes.h"

namespace berth::api {

// GET /images/get and /images/NAME/get: the tar is made on a thread of the transfers' and goes out as it
// comes.
Async<Result<>> save_images(const ImageRouteParts& parts, Exchange& exchange);

}  // namespace berth::api
