#pragma once

#include <string>

namespace berth::container {

// As Go's path.Clean of an absolute path: "/a//b/../c/." is "/a/c". A relative one is taken from "/". By its
// text alone, no link is looked at.
std::string clean_path(const std::string& path);

}  // namespace berth::container
