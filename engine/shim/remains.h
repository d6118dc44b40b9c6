#pragma once

#include <string_view>

namespace berth::shim {

// Takes away what a container whose processes have all ended has left, as the runtime listed it (StartLine):
// folders of cgroups, and at last that of its state, each with a newline behind it. False when there is no
// list, or something is in the way: then it is the runtime's to delete.
bool take_away(std::string_view remains);

}  // namespace berth::shim
