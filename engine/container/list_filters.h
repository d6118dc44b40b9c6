#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/container/core.h"

namespace berth::container {

// What the filter "ancestor" names, and the IDs of the images it means. Blocking: reads the content store.
std::set<std::string> ancestor_images(const Core& core, const Filters& filters);

// The containers that GET /containers/json shows, newest first. Docker's texts for filters it cannot read.
Result<std::vector<ContainerPtr>> select_containers(Core& core, const ListOptions& options,
                                                    std::set<std::string> ancestors);

}  // namespace berth::container
