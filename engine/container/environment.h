#pragma once

#include <string>
#include <vector>

#include "engine/container/model.h"

namespace berth::container {

// The environment of a process in the container: the engine's variables and those of its links, under the
// container's own, under `more`. "NAME" without a value takes one away.
std::vector<std::string> environment(const Container& container, const std::string& home, bool tty,
                                     const std::vector<std::string>& linked,
                                     const std::vector<std::string>& more);

}  // namespace berth::container
