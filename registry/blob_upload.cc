#include "registry/blob_upload.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "engine/async/spawn.h"
#include "engine/base/log.h"

namespace berth::registry {

namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kChunk = 16 << 20;  // of a chunked upload
constexpr int kAttempts = 5;              // without a byte of progress

Result<std::string> read_at(int file, std::uint64_t offset, std::size_t size) {
    std::string piece(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
        const ssize_t got =
            ::pread(file, piece.data() + filled, size - filled, static_cast<off_t>(offset + filled));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read blob");
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    piece.resize(filled);
    return piece;
}

class FileBody final : public http::BodySource {
 public:
    FileBody(async::BlockingPool& pool, int file, std::uint64_t offset, std::uint64_t size,
             std::function<void(std::uint64_t)> report)
        : pool_(pool),
          file_(file),
          begin_(offset),
          at_(offset),
          end_(size),
          size_(size - offset),
          report_(std::move(report)) {}

    Async<Result<std::string>> next() override {
        report_(at_);
        if (at_ == end_) co_return std::string();
        auto read = [this] {
            return read_at(file_, at_, static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end_ - at_)));
        };
        BERTH_CO_TRY(auto piece, co_await pool_.run(read));
        at_ += piece.size();
        co_return piece;
    }
    std::optional<std::uint64_t> size() const override { return size_; }
    bool rewind() override {
        at_ = begin_;
        return true;
    }

 private:
    async::BlockingPool& pool_;
    int file_;
    std::uint64_t begin_, at_, end_, size_;
    std::function<void(std::uint64_t)> report_;
};

// Whether it is worth sending the blob in another way: not when the registry has said that it may not be.
bool may_go_on(const Error& error) {
    return error.kind != ErrorKind::kUnauthorized && error.kind != ErrorKind::kForbidden &&
           error.kind != ErrorKind::kCancelled;
}

}  // namespace

Async<Result<UniqueFd>> BlobUpload::open(Digest digest) {
    auto work = [this, &digest] { return content.open(digest); };
    co_return co_await pool.run(work);
}

Async<Result<>> BlobUpload::run(oci::Descriptor blob, std::string location,
                                std::function<void(std::uint64_t)> report) {
    auto done = co_await whole(blob, location, report);
    const bool gone = co_await async::cancelled();
    if (done || gone || !may_go_on(done.error())) co_return done;
    log::info("an upload is taken up again", {{"blob", blob.digest.text()}, {"error", done.error().message}});
    // The registry may have all of it, and only its answer was lost.
    auto there = co_await repository.has_blob(blob.digest);
    if (there && *there) co_return Result<>();
    auto pieces = co_await in_pieces(blob, location, report);
    // The first refusal says more than what came of insisting.
    if (!pieces && pieces.error().kind != ErrorKind::kCancelled) co_return done;
    co_return pieces;
}

Async<Result<>> BlobUpload::whole(oci::Descriptor blob, std::string location,
                                  std::function<void(std::uint64_t)> report) {
    BERTH_CO_TRY(auto file, co_await open(blob.digest));
    FileBody body(pool, file.get(), 0, static_cast<std::uint64_t>(blob.size), std::move(report));
    co_return co_await repository.finish_upload(location, blob.digest, &body);
}

Async<Result<>> BlobUpload::in_pieces(oci::Descriptor blob, std::string location,
                                      std::function<void(std::uint64_t)> report) {
    const auto size = static_cast<std::uint64_t>(blob.size);
    BERTH_CO_TRY(auto file, co_await open(blob.digest));
    std::uint64_t sent = 0;
    int failures = 0;
    bool asked = false;
    while (sent < size || !asked) {
        if (!asked) {
            auto state = co_await repository.upload_state(location);
            if (!state) {
                // The session went with the line: another one.
                std::string from_nowhere;
                auto fresh = co_await repository.begin_upload(blob.digest, from_nowhere);
                if (!fresh) co_return Failure(std::move(fresh.error()));
                if (!*fresh) co_return Result<>();
                state = Repository::UploadState{std::move(**fresh), 0};
            }
            location = std::move(state->location);
            sent = std::min(state->received, size);
            asked = true;
            continue;
        }
        auto read = [&] {
            return read_at(file.get(), sent,
                           static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, size - sent)));
        };
        BERTH_CO_TRY(auto piece, co_await pool.run(read));
        const auto length = piece.size();
        auto next = co_await repository.append_upload(location, sent, std::move(piece));
        const bool gone = co_await async::cancelled();
        if (next) {
            location = std::move(*next);
            sent += length;
            failures = 0;
            report(sent);
            continue;
        }
        if (gone || !may_go_on(next.error()) || ++failures >= kAttempts) co_return Failure(next.error());
        asked = false;
        BERTH_CO_CHECK(co_await async::sleep_for(std::chrono::milliseconds(200 << failures)));
    }
    FileBody nothing(pool, file.get(), size, size, std::move(report));
    co_return co_await repository.finish_upload(location, blob.digest, &nothing);
}

}  // namespace berth::registry
