#include "engine/container/copy_streams.h"

#include <array>

#include "engine/async/event.h"
#include "engine/async/race.h"
#include "engine/sys/detach_keys.h"

namespace berth::container {

namespace {

constexpr std::size_t kChunk = 32 << 10;

Async<Result<>> copy_output(async::Stream& from, async::Stream& to) {
    auto buffer = std::make_unique<std::array<char, kChunk>>();
    std::span<char> whole(*buffer);
    for (;;) {
        BERTH_CO_TRY(auto size, co_await from.read_some(whole));
        if (size == 0) co_return Result<>();
        std::string_view bytes(buffer->data(), size);
        BERTH_CO_CHECK(co_await to.write_all(bytes));
    }
}

// true: the client typed the detach keys. Without them this ends only with the attachment: a client that has
// ended its side still listens.
Async<bool> copy_input(async::Stream& from, async::Stream& to, sys::DetachFilter filter) {
    auto buffer = std::make_unique<std::array<char, kChunk>>();
    std::span<char> whole(*buffer);
    for (;;) {
        auto size = co_await from.read_some(whole);
        if (!size || *size == 0) break;
        std::string bytes = filter.pass(std::string_view(buffer->data(), *size));
        auto written = co_await to.write_all(bytes);
        if (!written) co_return false;
        if (filter.detached()) co_return true;
    }
    to.shutdown_write();
    co_return false;
}

// The output decides when it is over, unless the client detaches.
Async<void> pump_input(IoContext& io, async::Stream& client, async::Stream& process, std::string keys,
                       bool& detached) {
    sys::DetachFilter filter(std::move(keys));
    detached = co_await copy_input(client, process, std::move(filter));
    if (detached) co_return;
    async::Event never(io);
    (void)co_await never.wait();
}

}  // namespace

Async<Result<bool>> copy_streams(IoContext& io, async::Stream& client, async::Stream& process, bool input,
                                 std::string keys) {
    if (!input) {
        BERTH_CO_CHECK(co_await copy_output(process, client));
        co_return false;
    }
    bool detached = false;
    auto from_process = copy_output(process, client);
    auto from_client = pump_input(io, client, process, std::move(keys), detached);
    (void)co_await async::race(std::move(from_process), std::move(from_client));
    co_return detached;
}

}  // namespace berth::container
