#include "registry/blob_download.h"

#include <fmt/format.h>

#include "engine/async/spawn.h"
#include "engine/base/log.h"

namespace berth::registry {

namespace {
constexpr std::size_t kPiece = 512 << 10;
}  // namespace

Async<Result<>> BlobDownload::run(oci::Descriptor blob, std::function<void(std::uint64_t)> report,
                                  BlobWatcher* watcher) {
    Course course{std::move(blob), std::move(report), watcher,
                  Deadline(repository.wire().settings().patience)};
    for (;;) {
        auto open = [&]() -> Result<std::unique_ptr<content::Ingest>> {
            BERTH_TRY(auto ingest, content.resume(course.blob.digest));
            if (watcher != nullptr) watcher->begin(*ingest);
            return ingest;
        };
        BERTH_CO_TRY(auto ingest, co_await pool.run(open));
        course.ingest = ingest.get();
        const bool fresh = ingest->size() == 0;
        auto done = co_await fetch(course);
        if (!done && done.error().kind != ErrorKind::kInvalidArgument) co_return done;
        // commit() also throws away what cannot be right.
        auto commit = [&]() -> Result<> {
            BERTH_CHECK(ingest->commit(&course.blob.digest, course.blob.size));
            return {};
        };
        auto committed = co_await pool.run(commit);
        if (done && committed) co_return Result<>();
        // What a power cut left of an earlier download may be damaged.
        if (!fresh) continue;
        if (!done) co_return done;
        co_return in("filesystem layer verification failed for digest " + course.blob.digest.text(),
                     std::move(committed));
    }
}

Async<Result<>> BlobDownload::fetch(Course& course) {
    const auto expected = static_cast<std::uint64_t>(course.blob.size);
    content::Ingest& ingest = *course.ingest;
    course.deadline.renew();
    for (int failures = 0;;) {
        const auto before = ingest.size();
        // An earlier pull may have got all of it.
        if (before >= expected) co_return Result<>();
        bool retry = false;
        auto done = co_await attempt(course, &retry);
        if (done) co_return done;
        const bool gone = co_await async::cancelled();
        if (gone || !retry) co_return done;
        failures = ingest.size() > before ? 0 : failures + 1;
        if (failures >= repository.wire().settings().attempts) co_return done;
        const std::chrono::milliseconds pause(100 << failures);
        if (pause >= course.deadline.left()) {
            co_return fail(ErrorKind::kDeadlineExceeded, "the registry has stalled: " + done.error().message);
        }
        log::info(
            "a download is taken up again",
            {{"blob", course.blob.digest.text()}, {"at", ingest.size()}, {"error", done.error().message}});
        BERTH_CO_CHECK(co_await async::sleep_for(pause));
    }
}

Async<Result<>> BlobDownload::attempt(Course& course, bool* retry) {
    const auto offset = course.ingest->size();
    auto response = co_await repository.blob(course.blob.digest, offset, course.deadline);
    if (!response) {
        // A connection may come back; a refusal stays one.
        *retry = response.error().message.starts_with("Get \"");
        co_return Failure(std::move(response.error()));
    }
    // A registry that cannot do ranges sends what is here already once more.
    const std::uint64_t skip = response->status == 200 ? offset : 0;
    auto copied = co_await copy(*response->body, course, skip);
    *retry = !copied && copied.error().kind != ErrorKind::kInvalidArgument;
    co_return copied;
}

Async<Result<>> BlobDownload::copy(http::BodyReader& body, Course& course, std::uint64_t skip) {
    const auto expected = static_cast<std::uint64_t>(course.blob.size);
    content::Ingest& ingest = *course.ingest;
    PatientReader reader(body, repository.wire().settings(), course.deadline);
    std::string piece(kPiece, '\0');
    for (;;) {
        std::size_t filled = 0;
        bool ended = false;
        Result<> broken;
        while (filled < piece.size() && !ended && broken) {
            auto room = std::span<char>(piece.data() + filled, piece.size() - filled);
            auto size = co_await reader.read_some(room);
            if (!size) broken = Failure(std::move(size.error()));
            ended = size && *size == 0;
            if (size) filled += *size;
            if (skip > 0) {
                const auto known = std::min<std::uint64_t>(skip, filled);
                piece.erase(0, static_cast<std::size_t>(known));
                piece.resize(kPiece);
                filled -= static_cast<std::size_t>(known);
                skip -= known;
            }
            course.report(ingest.size() + filled);
        }
        if (ingest.size() + filled > expected) {
            co_return fail(ErrorKind::kInvalidArgument,
                           fmt::format("blob {} is longer than the {} bytes it should have",
                                       course.blob.digest.text(), expected));
        }
        auto write = [&ingest, &course, bytes = std::string_view(piece.data(), filled)]() -> Result<> {
            BERTH_CHECK(ingest.write(bytes));
            if (course.watcher != nullptr) course.watcher->grown(ingest.size());
            return {};
        };
        BERTH_CO_CHECK(co_await pool.run(write));
        if (!broken) co_return broken;
        if (!ended) continue;
        if (ingest.size() < expected) co_return fail(ErrorKind::kUnavailable, "unexpected EOF");
        co_return Result<>();
    }
}

}  // namespace berth::registry
