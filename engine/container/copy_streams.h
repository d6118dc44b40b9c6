#pragma once

#include <string>

#include "engine/async/async.h"
#include "engine/async/stream.h"

namespace berth::container {

// Between a client and a process, until the process's output ends or the client types `keys` (none: ""). A
// client that has ended its side still listens. With `input` false nothing is read from it. Returns whether
// it detached.
Async<Result<bool>> copy_streams(IoContext& io, async::Stream& client, async::Stream& process, bool input,
                                 std::string keys);

}  // namespace berth::container
