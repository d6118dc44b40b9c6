#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/sys/mount.h"

// Mounts of a view whose source is no path: FileView::handed.
namespace berth::confine {

inline constexpr const char* kHandedType = "handed";

// In the helper, in a mount namespace of its own whose root is "/": the mount that `mount.source` ("N", or
// "N/PATH" for what lies below it) names, N counting from descriptor `first`, with the options of `mount`.
// Detached.
Result<UniqueFd> take_handed(const sys::Mount& mount, int first);

}  // namespace berth::confine
