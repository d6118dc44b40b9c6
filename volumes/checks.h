#pragma once

#include <map>
#include <string>

#include "engine/base/result.h"

namespace berth::volumes {

// At least two of [a-zA-Z0-9_.-], the first a letter or digit. Docker's texts, without "create
// NAME: ".
Result<> check_name(const std::string& name);
// The local driver's options: type, device and o (a file system that is mounted with the volume), and size,
// which needs a file system that can hold a folder to it.
Result<> check_options(const std::map<std::string, std::string>& options, bool has_quota);

}  // namespace berth::volumes
