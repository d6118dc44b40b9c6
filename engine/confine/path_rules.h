#pragma once

#include <span>

namespace berth::confine {

// Landlock: from now on only what is below `root` can be opened, made or removed, and what is below each of
// `readable` can be read. A second wall behind the change of root. Best effort: kernels before 5.19 go
// without, and so does one that takes no rule for a folder of a detached mount.
void restrict_paths(int root, std::span<const int> readable);

}  // namespace berth::confine
