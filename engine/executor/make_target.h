#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"

namespace berth::executor {

// Opens (O_PATH) a place to mount on and makes what is missing of it: folders, and an empty file at the end
// if `file`. Links mean what they mean inside the root, also those that lead nowhere yet: what they lead to
// is made. One name at a time, by descriptor; nothing above the root is ever reached.
Result<UniqueFd> make_target(int root, const std::string& path, bool file);

}  // namespace berth::executor
