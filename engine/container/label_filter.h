#pragma once

#include <map>
#include <string>

#include "engine/container/container_services.h"

namespace berth::container {

// Whether labels pass the filters `label` and `label!` ("key" or "key=value"): all of the first, none of the
// second.
bool labels_match(const std::map<std::string, std::string>& labels, const Filters& filters);

}  // namespace berth::container
