#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::cli {

// The lines of a file of "k=v" lines; without blank ones and comments.
Result<std::vector<std::string>> lines_of(const std::string& path);

// What --env-file and --env say, in this order. "NAME" alone takes the value of ours, if there is one.
Result<std::vector<std::string>> environment_of(const std::vector<std::string>& files,
                                                const std::vector<std::string>& items);

}  // namespace berth::cli
