#pragma once

#include <string_view>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"

namespace berth::confine {

// In front of a task's name: the maps of the user namespace that the files belong to, IdMaps::text() behind.
inline constexpr std::string_view kIdsWord = "ids=";

// In the helper: from here on files are made as root of the user namespace. All capabilities stay. Without it
// nothing could be made in a file system that was mounted inside: it cannot say that the host's root owns it.
Result<> make_files_as(const Owner& root);

}  // namespace berth::confine
