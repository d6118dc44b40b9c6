#pragma once

#include <string>

#include "engine/base/result.h"

namespace berth::archive {

// Removes `name` of a folder, with all that is below it; follows nothing.
Result<> remove_entry(int folder_fd, const std::string& name);

}  // namespace berth::archive
