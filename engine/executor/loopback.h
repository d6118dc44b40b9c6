#pragma once

#include "engine/base/result.h"

namespace berth::executor {

// A network namespace begins with its loopback down; programs expect to reach themselves.
Result<> bring_up_loopback();

}  // namespace berth::executor
