#pragma once

#include <string_view>

namespace berth::api {

// The release of Docker Engine whose behaviour this API keeps to. Clients switch features on and off by it,
// so it is what `version` and the Server header say; Berth's own version is a component beside it
// (engine/adr/0003).
inline constexpr std::string_view kCompatVersion = "28.5.2";

}  // namespace berth::api
