#include "engine/container/streams.h"

#include <array>

#include "engine/async/race.h"
#include "engine/container/detach_keys.h"
#include "engine/container/log_follow.h"

namespace berth::container {

namespace {

constexpr std::size_t kChunk = 32 << 10;

class StreamSink final : public LogSink {
 public:
    explicit StreamSink(async::Stream& stream) : stream_(stream) {}
    Async<Result<>> write(std::string bytes) override { co_return co_await stream_.write_all(bytes); }

 private:
    async::Stream& stream_;
};

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
Async<bool> copy_input(async::Stream& from, async::Stream& to, DetachFilter filter) {
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

class Attached final : public ContainerStreams::Attachment {
 public:
    Attached(Core& core, ContainerPtr container, AttachRequest request, std::string keys)
        : core_(core),
          container_(std::move(container)),
          request_(std::move(request)),
          keys_(std::move(keys)) {
        if (request_.stream && !container_->state.live())
            place_ = core_.hub.subscribe(container_->id, options());
    }

    Async<Result<>> run(std::unique_ptr<async::Stream> client) override;

 private:
    supervisor::AttachOptions options() const {
        return {request_.input && container_->config.open_stdin, request_.output, request_.error};
    }
    Async<Result<>> replay_logs(async::Stream& client);
    Async<Result<std::unique_ptr<async::Stream>>> connect();
    Async<void> pump_input(async::Stream& client, async::Stream& container, bool& detached);

    Core& core_;
    ContainerPtr container_;
    AttachRequest request_;
    std::string keys_;
    std::shared_ptr<AttachHub::Place> place_;
};

Async<Result<>> Attached::replay_logs(async::Stream& client) {
    LogRequest logs;
    logs.output = request_.output;
    logs.error = request_.error;
    StreamSink sink(client);
    co_return co_await run_logs(core_, container_->id, logs, sink);
}

Async<Result<std::unique_ptr<async::Stream>>> Attached::connect() {
    if (!place_) co_return co_await core_.parts.tasks.attach(container_->id, options());
    BERTH_CO_CHECK(co_await place_->ready.wait());
    co_return std::move(place_->stream);
}

Async<void> Attached::pump_input(async::Stream& client, async::Stream& container, bool& detached) {
    // Only a terminal has detach keys.
    DetachFilter filter(container_->config.tty ? keys_ : std::string());
    detached = co_await copy_input(client, container, std::move(filter));
    if (detached) co_return;
    // The output decides when this is over.
    async::Event never(core_.parts.io);
    (void)co_await never.wait();
}

Async<Result<>> Attached::run(std::unique_ptr<async::Stream> client) {
    core_.publish(*container_, "attach");
    if (request_.logs) {
        BERTH_CO_CHECK(co_await replay_logs(*client));
    }
    if (!request_.stream) co_return Result<>();
    BERTH_CO_TRY(auto stream, co_await connect());
    if (!stream) co_return Result<>();
    if (!options().input) co_return co_await copy_output(*stream, *client);
    bool detached = false;
    auto output = copy_output(*stream, *client);
    auto input = pump_input(*client, *stream, detached);
    (void)co_await async::race(std::move(output), std::move(input));
    if (detached) core_.publish(*container_, "detach");
    co_return Result<>();
}

class Streams final : public ContainerStreams {
 public:
    explicit Streams(Core& core) : core_(core) {}

    Result<ContainerPtr> attachable(const std::string& ref, const AttachRequest& request) override {
        BERTH_TRY(auto container, core_.store.find(ref));
        BERTH_CHECK(parse_detach_keys(request.detach_keys));
        if (container->state.status == Status::kPaused) {
            return fail(ErrorKind::kConflict,
                        "container " + ref + " is paused, unpause the container before attach");
        }
        if (container->state.status == Status::kRestarting) {
            return fail(ErrorKind::kConflict,
                        "container " + ref + " is restarting, wait until the container is running");
        }
        return container;
    }

    Result<std::unique_ptr<Attachment>> attach(const std::string& id, AttachRequest request) override {
        auto container = core_.store.get(id);
        if (!container) return fail(ErrorKind::kNotFound, "No such container: " + id);
        BERTH_TRY(auto keys, parse_detach_keys(request.detach_keys));
        return std::unique_ptr<Attachment>(
            std::make_unique<Attached>(core_, std::move(container), std::move(request), std::move(keys)));
    }

    Async<Result<>> resize(std::string ref, std::uint16_t rows, std::uint16_t columns) override {
        BERTH_CO_TRY(auto container, core_.store.find(ref));
        if (!container->state.live()) {
            co_return fail(ErrorKind::kConflict, "container " + container->id + " is not running");
        }
        BERTH_CO_CHECK(co_await core_.parts.tasks.resize(container->id, rows, columns));
        core_.publish(*container, "resize",
                      {{"height", std::to_string(rows)}, {"width", std::to_string(columns)}});
        co_return Result<>();
    }

    Async<Result<>> logs(std::string id, LogRequest request, LogSink& sink) override {
        return run_logs(core_, std::move(id), std::move(request), sink);
    }

 private:
    Core& core_;
};

}  // namespace

std::unique_ptr<ContainerStreams> make_streams(Core& core) {
    return std::make_unique<Streams>(core);
}

}  // namespace berth::container
