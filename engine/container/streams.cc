#include "engine/container/streams.h"

#include "engine/container/copy_streams.h"
#include "engine/container/log_follow.h"
#include "engine/sys/detach_keys.h"

namespace berth::container {

namespace {

class StreamSink final : public LogSink {
 public:
    explicit StreamSink(async::Stream& stream) : stream_(stream) {}
    Async<Result<>> write(std::string_view bytes) override { return stream_.write_all(bytes); }

 private:
    async::Stream& stream_;
};

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
    Async<Result<>> replay_logs(async::Stream& client, std::optional<Timestamp> until);
    Async<Result<std::unique_ptr<async::Stream>>> connect();

    Core& core_;
    ContainerPtr container_;
    AttachRequest request_;
    std::string keys_;
    std::shared_ptr<AttachHub::Place> place_;
};

Async<Result<>> Attached::replay_logs(async::Stream& client, std::optional<Timestamp> until) {
    LogRequest logs;
    logs.output = request_.output;
    logs.error = request_.error;
    logs.until = until;
    StreamSink sink(client);
    co_return co_await run_logs(core_, container_->id, logs, sink);
}

Async<Result<std::unique_ptr<async::Stream>>> Attached::connect() {
    if (!place_) co_return co_await core_.parts.tasks.attach(container_->id, options());
    BERTH_CO_CHECK(co_await place_->ready.wait());
    co_return std::move(place_->stream);
}

Async<Result<>> Attached::run(std::unique_ptr<async::Stream> client) {
    core_.publish(*container_, "attach");
    std::unique_ptr<async::Stream> stream;
    std::optional<Timestamp> log_end;
    if (request_.logs && request_.stream && !place_) {
        // The stream first: what is written while the log is read waits in it.
        BERTH_CO_TRY(auto after, co_await core_.parts.tasks.attach_after_log(container_->id, options()));
        stream = std::move(after.stream);
        log_end = after.log_end;
    }
    if (request_.logs) {
        BERTH_CO_CHECK(co_await replay_logs(*client, log_end));
    }
    const auto wanted = options();
    if (!request_.stream || !(wanted.input || wanted.output || wanted.error)) co_return Result<>();
    if (!stream) {
        BERTH_CO_TRY(stream, co_await connect());
    }
    if (!stream) co_return Result<>();
    // Only a terminal has detach keys.
    std::string keys = container_->config.tty ? keys_ : std::string();
    BERTH_CO_TRY(bool detached,
                 co_await copy_streams(core_.parts.io, *client, *stream, wanted.input, std::move(keys)));
    if (detached) core_.publish(*container_, "detach");
    co_return Result<>();
}

class Streams final : public ContainerStreams {
 public:
    explicit Streams(Core& core) : core_(core) {}

    Result<ContainerPtr> attachable(const std::string& ref, const AttachRequest& request) override {
        BERTH_TRY(auto container, core_.store.find(ref));
        BERTH_CHECK(sys::parse_detach_keys(request.detach_keys));
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
        BERTH_TRY(auto keys, sys::parse_detach_keys(request.detach_keys));
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

    Result<ContainerPtr> readable(const std::string& ref) override { return readable_log(core_, ref); }
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
