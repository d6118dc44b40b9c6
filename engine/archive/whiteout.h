#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace berth::archive {

// What says in an overlay's folder that the layers below do not have a name.
inline bool is_whiteout(const struct stat& status) {
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

}  // namespace berth::archive
