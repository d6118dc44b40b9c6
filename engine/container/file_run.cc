#include "engine/container/file_run.h"

#include <array>

#include "engine/async/race.h"
#include "engine/async/socket_stream.h"
#include "engine/base/log.h"
#include "engine/sys/descriptor_passing.h"

namespace berth::container {

namespace {

constexpr std::size_t kPiece = 256 << 10, kRecords = 16 << 10;
// Without a byte for this long it hangs, in a file system that does not answer.
constexpr std::chrono::minutes kStall{5};

// The helper's end is waited for, and that may take a while in a file system that hangs.
Async<void> clean_up(Core& core, std::shared_ptr<confine::FileTask> task,
                     std::optional<async::KeyLock::Guard> guard, std::string container) {
    auto work = [&core, &task, &container, stopped = guard.has_value()] {
        task.reset();
        if (stopped) unmount_volumes(core, container);
    };
    co_await core.parts.mount_pool.run(std::move(work));
}

class Stream final : public FileStream {
 public:
    explicit Stream(std::unique_ptr<FileRun> run) : run_(std::move(run)) {}
    Async<Result<std::string>> next() override {
        BERTH_CO_TRY(std::string bytes, co_await run_->output());
        if (bytes.empty()) BERTH_CO_CHECK(co_await run_->record());
        co_return bytes;
    }
    Async<Result<>> send_to(UniqueFd socket) override {
        BERTH_CO_CHECK(run_->send_output_to(socket.get()));
        socket.reset();
        BERTH_CO_CHECK(co_await run_->record());
        co_return Result<>();
    }

 private:
    std::unique_ptr<FileRun> run_;
};

}  // namespace

void unmount_volumes(const Core& core, const std::string& container) {
    if (auto done = core.parts.volumes.unmount(container); !done)
        log::warning("volumes stay mounted", {{"container", container}, {"error", done.error().message}});
}

FileRun::FileRun(Core& core, confine::FileTask task, std::optional<async::KeyLock::Guard> guard,
                 std::string container)
    : core_(core),
      container_(std::move(container)),
      guard_(std::move(guard)),
      task_(std::make_shared<confine::FileTask>(std::move(task))),
      result_(async::make_socket_stream(core.parts.io, std::move(task_->result))),
      output_(async::make_socket_stream(core.parts.io, std::move(task_->output))) {}

FileRun::~FileRun() {
    core_.gate.spawn(clean_up(core_, std::move(task_), std::move(guard_), container_));
}

Async<Result<confine::Fields>> FileRun::record() {
    for (;;) {
        confine::Fields fields;
        if (records_.take(fields)) {
            if (!fields.empty() && fields[0] == "error") co_return Failure(confine::decode_error(fields));
            co_return fields;
        }
        std::array<char, kRecords> piece;
        BERTH_CO_TRY(std::size_t size, co_await result_->read_some(piece));
        if (size == 0) co_return fail(ErrorKind::kInternal, "berth-helper died without a result");
        records_.append({piece.data(), size});
    }
}

Result<> FileRun::send_output_to(int socket) {
    UniqueFd control = result_->share_socket();
    BERTH_CHECK(in("berth-helper",
                   sys::send_with_descriptors(control.get(), {&confine::kOutputChunks, 1}, {&socket, 1})));
    return {};
}

Async<Result<std::string>> FileRun::output() {
    if (!output_wanted_) {
        output_wanted_ = true;
        BERTH_CO_CHECK(co_await result_->write_all({&confine::kOutputHere, 1}));
    }
    std::string piece(kPiece, '\0');
    auto reading = output_->read_some(piece);
    BERTH_CO_TRY(std::size_t size,
                 co_await async::with_deadline(kStall, "reading the container's files", std::move(reading)));
    piece.resize(size);
    co_return piece;
}

std::unique_ptr<FileStream> make_file_stream(std::unique_ptr<FileRun> run) {
    return std::make_unique<Stream>(std::move(run));
}

}  // namespace berth::container
