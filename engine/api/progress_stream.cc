#include "engine/api/progress_stream.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "engine/async/event.h"
#include "engine/async/race.h"
#include "engine/async/spawn.h"

namespace berth::api {

struct ProgressStream::Lines : std::enable_shared_from_this<Lines> {
    explicit Lines(IoContext& io) : io(io), changed(io), never(io) {}
    IoContext& io;
    async::Condition changed;
    async::Event never;
    bool finished = false;  // io thread only

    std::mutex mutex;
    std::string pending;

    void add(std::string line) {
        std::lock_guard guard(mutex);
        const bool first = pending.empty();
        pending += line + "\r\n";
        if (first) async::post(io, [self = shared_from_this()] { self->changed.notify_all(); });
    }
    std::string take() {
        std::lock_guard guard(mutex);
        return std::exchange(pending, {});
    }
};

ProgressStream::ProgressStream(IoContext& io, Exchange& exchange)
    : exchange_(exchange), lines_(std::make_shared<Lines>(io)) {}

image::Progress ProgressStream::sink() const {
    return [lines = lines_](std::string line) { lines->add(std::move(line)); };
}

// Stays until the writer has seen the end.
Async<void> ProgressStream::finish_after(std::shared_ptr<Lines> lines, Async<Result<>> work,
                                         Result<>* result) {
    *result = co_await std::move(work);
    lines->finished = true;
    lines->changed.notify_all();
    auto cancelled = co_await lines->never.wait();
    (void)cancelled;
}

Async<void> ProgressStream::write_lines(std::shared_ptr<Lines> lines, Exchange& exchange) {
    for (;;) {
        std::string bytes = lines->take();
        if (bytes.empty() && lines->finished) co_return;
        if (bytes.empty()) {
            auto woken = co_await lines->changed.wait();
            if (!woken) co_return;
            continue;
        }
        if (!exchange.responder.started()) {
            std::string type = "application/json";
            auto begun = co_await exchange.stream(200, type);
            if (!begun) co_return;
        }
        auto sent = co_await exchange.responder.write(bytes);
        if (!sent) co_return;
    }
}

Async<void> ProgressStream::write_while_there(std::shared_ptr<Lines> lines, Exchange& exchange) {
    auto writing = write_lines(lines, exchange);
    auto gone = exchange.responder.client_gone();
    co_await async::race(std::move(writing), std::move(gone));
}

Async<Result<>> ProgressStream::answer(Async<Result<>> work, Client client, Failure failure) {
    Result<> result;
    auto working = finish_after(lines_, std::move(work), &result);
    auto writing =
        client == Client::kWatch ? write_while_there(lines_, exchange_) : write_lines(lines_, exchange_);
    // The writer always ends first: by the end of the work, or because nobody reads any more.
    co_await async::race(std::move(working), std::move(writing));
    auto& responder = exchange_.responder;
    const bool as_status = failure == Failure::kAsStatus && !responder.started();
    if (!result && as_status) co_return berth::Failure(std::move(result.error()));
    if (!responder.started()) {
        std::string type = "application/json";
        BERTH_CO_CHECK(co_await exchange_.stream(200, type));
    }
    if (!result) {
        std::string line = error_line(result.error().message) + "\r\n";
        BERTH_CO_CHECK(co_await responder.write(line));
    }
    co_return co_await responder.end();
}

std::string error_line(const std::string& message) {
    const nlohmann::json line = {{"errorDetail", {{"message", message}}}, {"error", message}};
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace berth::api
