#pragma once

#include "engine/base/result.h"

namespace berth::executor {

// Copies what is in one folder into another ("tmpcopyup"): folders, files, links and FIFOs with owner, mode
// and times. Descriptors all the way: links are copied, never followed.
Result<> copy_up(int from, int to);

}  // namespace berth::executor
