#pragma once

#include <string_view>

namespace berth::daemon {

// Which source this is built from; "" outside of a git checkout.
std::string_view git_commit();
std::string_view build_time();  // of that commit, RFC 3339: the same source gives the same binary

}  // namespace berth::daemon
