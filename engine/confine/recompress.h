#pragma once

#include <string>

#include "engine/confine/helper.h"

namespace berth::confine {

// Writes what `input_fd`, a file in whatever compression, has from its current position on as gzip to a new
// file in `folder`, which must be empty and private to the caller; returns its path. Errors as unpack.h has
// them.
Result<std::string> recompress(const HelperOptions& options, int input_fd, const std::string& folder);

}  // namespace berth::confine
