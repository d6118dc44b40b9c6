#pragma once

#include "engine/daemon/config.h"

namespace berth::daemon {

// What dockerd's --validate looks at, with its texts.
Result<> validate(const Config& config);
// Each label once; two values of one are a conflict.
Result<> unite_labels(Strings& labels);
// What dockerd says about settings that exclude each other once it starts.
Result<> check_combinations(const Config& config);
// Refuses by name what this engine cannot do. A setting that says what it does anyway passes.
Result<> refuse_unsupported(const Config& config);

}  // namespace berth::daemon
