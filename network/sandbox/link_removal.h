#pragma once

#include "engine/base/result.h"

namespace berth::network {

// Deletes a link of the calling thread's namespace and returns as soon as it is gone: it is down, nobody
// finds it any more, and its name is free. The request itself ends 20 to 60 ms later, when the kernel has
// waited for whoever still looks at it; a thread of its own waits for that, as does whoever changes links
// meanwhile. A link that is not there is no error.
Result<> remove_link(int index);

}  // namespace berth::network
