#pragma once

#include <string>
#include <string_view>

namespace berth {

// As Go's path.Clean of an absolute path: "/a//b/../c/." is "/a/c". A relative one is taken from "/". By its
// text alone, no link is looked at.
std::string clean_path(std::string_view path);

}  // namespace berth
