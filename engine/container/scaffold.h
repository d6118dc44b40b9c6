#pragma once

#include <string>
#include <vector>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"

// What Docker puts into every container's root: marks that programs know a container by, and places for
// what is mounted at a start.
namespace berth::container {

// Paths of it; none is a change of the container's own.
const std::vector<std::string>& scaffold_paths();

// The marks alone, as a start makes them: the runtime makes the rest. Blocking, as all of this.
Result<> make_marks(int root, const Owner& owner);

// All of it, in the root of a container that has not been started: whoever looks into one finds an empty
// /etc/hosts there. What the image has stays.
Result<> make_scaffold(int root, const Owner& owner);

}  // namespace berth::container
