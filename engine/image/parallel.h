#pragma once

#include <cstddef>
#include <functional>

#include "engine/base/result.h"

namespace berth::image {

// work(0), work(1), … work(count - 1), in this order, as many at a time as there are processors. After an
// error no more are begun; returns the first one when all that were begun have ended. Blocking.
Result<> run_parallel(std::size_t count, const std::function<Result<>(std::size_t)>& work);

}  // namespace berth::image
