#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"

namespace berth::spec {

// A tmpfs's options as `--tmpfs` writes them on top of noexec, nosuid, nodev, rprivate: of two that
// contradict each other ("exec", "noexec") or set one thing ("size=1m", "size=2m") the later counts.
// kInvalidArgument: invalid tmpfs option "X".
Result<std::vector<std::string>> merge_tmpfs_options(const std::vector<std::string>& options);

}  // namespace berth::spec
