#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/async.h"

// For .cc files that call Asio: `auto [error, size] = co_await socket.async_read_some(buffer, kToken);`
namespace berth::async {

inline constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);

// kCancelled for an aborted operation, else what fail_errno() says.
Failure failure(std::string_view what, const boost::system::error_code& error);

}  // namespace berth::async
