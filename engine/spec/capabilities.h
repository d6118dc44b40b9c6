#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth::spec {

// All capabilities by number (CAP_CHOWN is 0), and the fourteen of the default sandbox.
std::span<const std::string_view> all_capabilities();
std::span<const std::string_view> default_capabilities();

// The set that --cap-add, --cap-drop and --privileged make; ALL means those `available`. kInvalidArgument:
// invalid CapAdd: unknown capability: "X", or that it is not available.
Result<std::vector<std::string>> choose_capabilities(const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop, bool privileged,
                                                     const std::vector<std::string>& available);

}  // namespace berth::spec
