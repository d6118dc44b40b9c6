#include "engine/api/image_save.h"

#include <sys/socket.h>

#include "engine/api/image_queries.h"
#include "engine/async/event.h"
#include "engine/async/race.h"
#include "engine/async/socket_stream.h"

namespace berth::api {

namespace {

using Parts = const ImageRouteParts;

constexpr std::size_t kPiece = 256 << 10;

Async<Result<>> send_until_end(async::Stream& tar, Exchange& exchange) {
    for (;;) {
        std::string piece(kPiece, '\0');
        BERTH_CO_TRY(std::size_t size, co_await tar.read_some(piece));
        if (size == 0) co_return Result<>();
        piece.resize(size);
        BERTH_CO_CHECK(co_await exchange.responder.write(piece));
    }
}

// The reader's end goes with the answer: a writer whose client has gone gets EPIPE and ends.
Async<Result<>> send_and_close(std::unique_ptr<async::Stream> tar, Exchange& exchange) {
    auto sending = send_until_end(*tar, exchange);
    auto gone = exchange.responder.client_gone();
    auto first = co_await async::race(std::move(sending), std::move(gone));
    tar->close();
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the client has gone");
    co_return std::move(std::get<0>(first));
}

// Stays until it is cancelled, so that the sending can be raced against it.
Async<Result<>> write_tar(Parts& parts, image::ImageService::Archive& archive, UniqueFd end,
                          Result<>& written) {
    auto work = [&] {
        auto done = archive.write(end.get(), false);
        end.reset();
        return done;
    };
    written = co_await parts.transfers.run(std::move(work));
    async::Event never(parts.io);
    co_return co_await never.wait();
}

Async<Result<>> write_chunks(Parts& parts, image::ImageService::Archive& archive, int socket,
                             bool& under_way) {
    auto work = [&archive, socket] { return archive.write(socket, true); };
    auto written = co_await parts.transfers.run(std::move(work));
    under_way = false;
    co_return written;
}

// Ends the writing when its client is given up.
Async<void> cut_when_gone(http::Responder& responder, int socket, const bool& under_way) {
    co_await responder.client_gone();
    if (under_way) ::shutdown(socket, SHUT_RDWR);
}

// From the files to the client's socket, past this process.
Async<Result<>> send_directly(Parts& parts, image::ImageService::Archive& archive, Exchange& exchange,
                              UniqueFd socket) {
    bool under_way = true;
    auto writing = write_chunks(parts, archive, socket.get(), under_way);
    auto gone = cut_when_gone(exchange.responder, socket.get(), under_way);
    auto first = co_await async::race(std::move(writing), std::move(gone));
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the client has gone");
    BERTH_CO_CHECK(std::move(std::get<0>(first)));
    co_return co_await exchange.responder.end();
}

// By way of a socket pair, for a connection that has a coding of its own.
Async<Result<>> send_through(Parts& parts, image::ImageService::Archive& archive, Exchange& exchange) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) co_return fail_errno("socketpair");
    UniqueFd writing(ends[1]);
    auto tar = async::make_socket_stream(parts.io, UniqueFd(ends[0]));
    Result<> written;
    auto sending = send_and_close(std::move(tar), exchange);
    auto writing_all = write_tar(parts, archive, std::move(writing), written);
    auto first = co_await async::race(std::move(sending), std::move(writing_all));
    if (first.index() == 1) co_return std::move(std::get<1>(first));
    auto& sent = std::get<0>(first);
    // What broke the writing off is told; that the client has gone is nobody's to hear.
    if (!sent) co_return Failure(std::move(sent.error()));
    if (!written) co_return Failure(std::move(written.error()));
    co_return co_await exchange.responder.end();
}

}  // namespace

Async<Result<>> save_images(const ImageRouteParts& parts, Exchange& exchange) {
    std::vector<std::string> names = exchange.request.query.all("names");
    if (auto name = exchange.params.find("name"); name != exchange.params.end()) names = {name->second};
    BERTH_CO_TRY(auto platforms, platforms_of(exchange.request.query));
    auto plan = [&] { return parts.images.save(names, platforms); };
    BERTH_CO_TRY(auto planned, co_await parts.pool.run(std::move(plan)));
    std::unique_ptr<image::ImageService::Archive> archive = std::move(planned);
    std::string type = "application/x-tar";
    BERTH_CO_CHECK(co_await exchange.stream(200, type));
    if (UniqueFd socket = exchange.responder.chunk_socket())
        co_return co_await send_directly(parts, *archive, exchange, std::move(socket));
    co_return co_await send_through(parts, *archive, exchange);
}

}  // namespace berth::api
