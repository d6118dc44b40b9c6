#pragma once

#include <string>
#include <vector>

#include "engine/api/router.h"
#include "engine/container/container_services.h"

namespace berth::api {

// What a create request means in the API version it is written in: fields that came later are not read,
// defaults that changed are the old ones. Warnings are added.
Result<> apply_create_version(container::CreateRequest& request, ApiVersion version,
                              std::vector<std::string>& warnings);

}  // namespace berth::api
