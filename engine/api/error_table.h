#pragma once

#include "engine/base/result.h"

namespace berth::api {

// The HTTP status that answers an error of this kind.
unsigned status_of(ErrorKind kind);

}  // namespace berth::api
