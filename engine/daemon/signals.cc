#include "engine/daemon/signals.h"

#include <signal.h>
#include <unistd.h>
#include <boost/asio/signal_set.hpp>

#include <memory>

#include "engine/async/spawn.h"
#include "engine/async/token.h"
#include "engine/base/log.h"

namespace berth::daemon {

namespace {

using Signals = boost::asio::signal_set;

Async<void> insist(std::shared_ptr<Signals> signals) {
    for (int left = 2; left > 0; --left) {
        auto [error, number] = co_await signals->async_wait(async::kToken);
        if (error) co_return;
        if (left == 1) {
            log::warning("asked to end three times: ending without a shutdown");
            ::_exit(128 + number);
        }
    }
}

}  // namespace

Async<int> wait_for_stop(IoContext& io) {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGUSR1, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    auto signals = std::make_shared<Signals>(io, SIGTERM, SIGINT);
    auto [error, number] = co_await signals->async_wait(async::kToken);
    async::spawn(io, insist(signals));
    co_return number;
}

}  // namespace berth::daemon
