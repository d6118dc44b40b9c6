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
        BERTH_CO_CHECK(co_await exchange.responder.write(std::move(piece)));
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
        auto done = archive.write(end.get());
        end.reset();
        return done;
    };
    written = co_await parts.transfers.run(std::move(work));
    async::Event never(parts.io);
    co_return co_await never.wait();
}

}  // namespace

Async<Result<>> save_images(const ImageRouteParts& parts, Exchange& exchange) {
    std::vector<std::string> names = exchange.request.query.all("names");
    if (auto name = exchange.params.find("name"); name != exchange.params.end()) names = {name->second};
    BERTH_CO_TRY(auto platforms, platforms_of(exchange.request.query));
    auto plan = [&] { return parts.images.save(names, platforms); };
    BERTH_CO_TRY(auto planned, co_await parts.pool.run(std::move(plan)));
    std::unique_ptr<image::ImageService::Archive> archive = std::move(planned);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) co_return fail_errno("socketpair");
    UniqueFd writing(ends[1]);
    auto tar = async::make_socket_stream(parts.io, UniqueFd(ends[0]));
    std::string type = "application/x-tar";
    BERTH_CO_CHECK(co_await exchange.stream(200, type));
    Result<> written;
    auto sending = send_and_close(std::move(tar), exchange);
    auto writing_all = write_tar(parts, *archive, std::move(writing), written);
    auto first = co_await async::race(std::move(sending), std::move(writing_all));
    if (first.index() == 1) co_return std::move(std::get<1>(first));
    auto& sent = std::get<0>(first);
    // What broke the writing off is told; that the client has gone is nobody's to hear.
    if (!sent) co_return Failure(std::move(sent.error()));
    if (!written) co_return Failure(std::move(written.error()));
    co_return co_await exchange.responder.end();
}

}  // namespace berth::api
