#include "engine/api/body_pipe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "engine/async/socket_stream.h"

namespace berth::api {

namespace {
constexpr std::size_t kPiece = 64 << 10;
}  // namespace

struct BodyPipe::Shared {
    UniqueFd reading;
    std::atomic<bool> broken_off = false;

    Result<std::size_t> read(char* buffer, std::size_t size) {
        for (;;) {
            const ssize_t got = ::read(reading.get(), buffer, size);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno("read the request's body");
            if (got == 0 && broken_off) return fail(ErrorKind::kInvalidArgument, "unexpected EOF");
            return static_cast<std::size_t>(got);
        }
    }
};

Result<std::unique_ptr<BodyPipe>> BodyPipe::open(IoContext& io) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail_errno("socketpair");
    auto shared = std::make_shared<Shared>();
    shared->reading = UniqueFd(ends[0]);
    auto writing = async::make_socket_stream(io, UniqueFd(ends[1]));
    return std::unique_ptr<BodyPipe>(new BodyPipe(io, std::move(shared), std::move(writing)));
}

BodyPipe::BodyPipe(IoContext& io, std::shared_ptr<Shared> shared, std::unique_ptr<async::Stream> writing)
    : shared_(std::move(shared)), writing_(std::move(writing)), never_(io) {}

image::Reader BodyPipe::reader() {
    return [shared = shared_](char* buffer, std::size_t size) { return shared->read(buffer, size); };
}

Result<UniqueFd> BodyPipe::descriptor() const {
    return shared_->reading.duplicate();
}

Async<bool> BodyPipe::carry(http::BodyReader& body) {
    std::string buffer(kPiece, '\0');
    for (;;) {
        auto size = co_await body.read_some(buffer);
        if (!size) co_return false;
        if (*size == 0) co_return true;
        std::string_view piece(buffer.data(), *size);
        auto sent = co_await writing_->write_all(piece);
        if (!sent) co_return false;
    }
}

Async<void> BodyPipe::pump(http::BodyReader& body) {
    const bool whole = co_await carry(body);
    if (!whole) shared_->broken_off = true;
    writing_->shutdown_write();
    auto cancelled = co_await never_.wait();
    (void)cancelled;
}

}  // namespace berth::api
