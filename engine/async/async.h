#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/base/result.h"

namespace berth {

// A coroutine that waits for a client, a peer or an exit. All of them run on the one io thread, so what only
// coroutines touch needs no lock. Parameters by value; only named locals inside a co_await expression; no
// capturing lambdas as coroutines; no co_await inside ?:, && or || (g++ 12).
template <class T = void>
using Async = boost::asio::awaitable<T>;

using IoContext = boost::asio::io_context;

}  // namespace berth
