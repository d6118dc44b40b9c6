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
        if (number == SIGHUP) {
            ++left;
            continue;
        }
        if (left == 1) {
            log::warning("asked to end three times: ending without a shutdown");
            ::_exit(128 + number);
        }
    }
}

}  // namespace

Async<int> wait_for_stop(IoContext& io, std::function<void()> reload) {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGUSR1, SIG_IGN);
    auto signals = std::make_shared<Signals>(io, SIGTERM, SIGINT, SIGHUP);
    int number = SIGHUP;
    while (number == SIGHUP) {
        auto [error, received] = co_await signals->async_wait(async::kToken);
        number = error ? SIGTERM : received;
        if (number == SIGHUP) reload();
    }
    async::spawn(io, insist(signals));
    co_return number;
}

}  // namespace berth::daemon
