#include "registry/blob_upload.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "engine/async/spawn.h"
#include "engine/base/log.h"

namespace berth::registry {

namespace {

constexpr std::size_t kPiece = 256 << 10;  // small, for lines that are slow
constexpr std::size_t kChunk = 16 << 20;   // of a chunked upload
constexpr int kAttempts = 5;               // without a byte of progress

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

}  // namespace

// What one run hands down to its steps.
struct BlobUpload::Course {
    oci::Descriptor blob;
    std::string location;
    std::function<void(std::uint64_t)> report;
    Deadline deadline;
    UniqueFd file;
    std::uint64_t sent = 0;  // bytes that the registry has, as far as it said

    std::uint64_t size() const { return static_cast<std::uint64_t>(blob.size); }
};

namespace {

class FileBody final : public http::BodySource {
 public:
    FileBody(async::BlockingPool& pool, int file, std::uint64_t begin, std::uint64_t end,
             std::function<void(std::uint64_t)> report, Deadline& deadline)
        : pool_(pool),
          file_(file),
          begin_(begin),
          at_(begin),
          end_(end),
          report_(std::move(report)),
          deadline_(deadline) {}

    Async<Result<std::string>> next() override {
        report_(at_);
        deadline_.renew();
        if (at_ == end_) co_return std::string();
        auto read = [this] {
            return read_at(file_, at_, static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end_ - at_)));
        };
        BERTH_CO_TRY(auto piece, co_await pool_.run(read));
        at_ += piece.size();
        co_return piece;
    }
    std::optional<std::uint64_t> size() const override { return end_ - begin_; }
    bool rewind() override {
        at_ = begin_;
        return true;
    }

 private:
    async::BlockingPool& pool_;
    int file_;
    std::uint64_t begin_, at_, end_;
    std::function<void(std::uint64_t)> report_;
    Deadline& deadline_;
};

// Whether it is worth sending the blob in another way: not when the registry has said that it may not be.
bool may_go_on(const Error& error) {
    return error.kind != ErrorKind::kUnauthorized && error.kind != ErrorKind::kForbidden &&
           error.kind != ErrorKind::kCancelled;
}

Failure upload_failure(Error error) {
    if (error.kind != ErrorKind::kDeadlineExceeded) return Failure(std::move(error));
    return Failure(std::move(error).in("the registry has stalled"));
}

}  // namespace

Async<Result<UniqueFd>> BlobUpload::open(Digest digest) {
    auto work = [this, &digest] { return content.open(digest); };
    co_return co_await pool.run(work);
}

Async<Result<>> BlobUpload::run(oci::Descriptor blob, std::string location,
                                std::function<void(std::uint64_t)> report) {
    Course course{std::move(blob), std::move(location), std::move(report),
                  Deadline(repository.wire().settings().patience), UniqueFd()};
    BERTH_CO_TRY(course.file, co_await open(course.blob.digest));
    auto done = co_await whole(course);
    const bool gone = co_await async::cancelled();
    if (done || gone) co_return done;
    if (!may_go_on(done.error()) || course.deadline.left().count() <= 0)
        co_return upload_failure(std::move(done.error()));
    log::info("an upload is taken up again",
              {{"blob", course.blob.digest.text()}, {"error", done.error().message}});
    // The registry may have all of it, and only its answer was lost.
    auto there = co_await repository.has_blob(course.blob.digest, course.deadline);
    if (there && *there) co_return Result<>();
    if (there) course.deadline.renew();
    auto pieces = co_await in_pieces(course);
    // The first refusal says more than what came of insisting.
    if (!pieces && pieces.error().kind != ErrorKind::kCancelled)
        co_return upload_failure(std::move(done.error()));
    co_return pieces;
}

Async<Result<>> BlobUpload::whole(Course& course) {
    FileBody body(pool, course.file.get(), 0, course.size(), course.report, course.deadline);
    co_return co_await repository.finish_upload(course.location, course.blob.digest, &body);
}

// How much the registry has, and where it wants the rest; false when it turns out to have the blob.
Async<Result<bool>> BlobUpload::ask_where(Course& course) {
    auto state = co_await repository.upload_state(course.location, course.deadline);
    if (!state) {
        // The session went with the line: another one.
        std::string from_nowhere;
        auto fresh = co_await repository.begin_upload(course.blob.digest, from_nowhere, course.deadline);
        if (!fresh) co_return Failure(std::move(fresh.error()));
        if (!*fresh) co_return false;
        state = Repository::UploadState{std::move(**fresh), 0};
    }
    course.deadline.renew();
    course.location = std::move(state->location);
    course.sent = std::min(state->received, course.size());
    co_return true;
}

Async<Result<>> BlobUpload::in_pieces(Course& course) {
    int failures = 0;
    BERTH_CO_TRY(bool wanted, co_await ask_where(course));
    while (wanted && course.sent < course.size()) {
        const auto end = std::min<std::uint64_t>(course.sent + kChunk, course.size());
        FileBody piece(pool, course.file.get(), course.sent, end, course.report, course.deadline);
        auto next = co_await repository.append_upload(course.location, course.sent, &piece);
        const bool gone = co_await async::cancelled();
        if (next) {
            course.location = std::move(*next);
            course.sent = end;
            failures = 0;
            continue;
        }
        const std::chrono::milliseconds pause(200 << ++failures);
        // Who stalls again does so for good.
        const bool stalled = next.error().kind == ErrorKind::kDeadlineExceeded;
        if (gone || stalled || !may_go_on(next.error()) || failures >= kAttempts ||
            pause >= course.deadline.left())
            co_return Failure(std::move(next.error()));
        BERTH_CO_CHECK(co_await async::sleep_for(pause));
        BERTH_CO_TRY(wanted, co_await ask_where(course));
    }
    if (!wanted) co_return Result<>();
    FileBody nothing(pool, course.file.get(), course.size(), course.size(), course.report, course.deadline);
    co_return co_await repository.finish_upload(course.location, course.blob.digest, &nothing);
}

}  // namespace berth::registry
