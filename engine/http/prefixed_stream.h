#pragma once

#include <memory>
#include <string>

#include "engine/async/stream.h"

namespace berth::http {

// A stream whose first bytes have been read already. With `ended`, the peer has ended its side after them.
std::unique_ptr<async::Stream> make_prefixed_stream(std::string first, std::unique_ptr<async::Stream> rest,
                                                    bool ended = false);

}  // namespace berth::http
