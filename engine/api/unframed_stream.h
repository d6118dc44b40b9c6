#pragma once

#include <memory>

#include "engine/async/stream.h"

namespace berth::api {

// What is written to it in Docker's 8-byte frames goes to `inner` without them; `inner` outlives it.
std::unique_ptr<async::Stream> make_unframed_stream(async::Stream& inner);
// The other way round: what is written to it goes to `inner` in frames of stdout.
std::unique_ptr<async::Stream> make_framed_stream(async::Stream& inner);
// The same without frames to take away or to add.
std::unique_ptr<async::Stream> make_borrowed_stream(async::Stream& inner);

}  // namespace berth::api
