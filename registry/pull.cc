#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>

#include "engine/async/event.h"
#include "engine/async/gate.h"
#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/image/progress_lines.h"
#include "registry/blob_download.h"
#include "registry/choose_manifest.h"
#include "registry/pull.h"
#include "registry/registry_error.h"

namespace berth::registry {

namespace {

using image::message_line;
using image::Progress;
using image::status_line;

constexpr int kNesting = 3;  // indexes within indexes
constexpr auto kReportEvery = std::chrono::milliseconds(100);

std::string tag_or_digest(const oci::Reference& reference) {
    return reference.digest() ? reference.digest()->text() : reference.tag();
}

void say_end(const Progress& progress, const oci::Reference& reference, const Digest& target,
             bool there_before) {
    progress(status_line("Digest: " + target.text()));
    progress(status_line(
        (there_before ? "Status: Image is up to date for " : "Status: Downloaded newer image for ") +
        reference.familiar()));
}

// Layers that wait to be fetched, shared by a few workers.
struct LayerQueue {
    explicit LayerQueue(IoContext& io) : ended(io) {}
    image::ImageService::Arrival* arrival = nullptr;
    std::vector<oci::Descriptor> layers;
    std::vector<bool> there;  // before
    std::size_t next = 0;
    int working = 0;
    std::optional<Error> error;
    async::Event ended;  // by the last worker, or by the first error
};

// Has a layer unpacked while it is fetched.
class LayerWatcher final : public BlobWatcher {
 public:
    LayerWatcher(image::ImageService::Arrival& arrival, std::size_t layer)
        : arrival_(arrival), layer_(layer) {}
    void begin(content::Ingest& ingest) override {
        // Without one the layer is unpacked when it is all there.
        if (auto file = ingest.reader()) arrival_.begin(layer_, std::move(*file));
        grown(ingest.size());
    }
    void grown(std::uint64_t bytes) override { arrival_.grown(layer_, bytes); }

 private:
    image::ImageService::Arrival& arrival_;
    std::size_t layer_;
};

// One pull on its way.
class Pull {
 public:
    Pull(PullParts parts, std::shared_ptr<Repository> repository, PullRequest request, Progress progress)
        : parts_(parts),
          request_(std::move(request)),
          progress_(std::move(progress)),
          repository_(std::move(repository)),
          download_{*repository_, parts.content, parts.pool} {}

    Async<Result<>> run();

 private:
    struct Fetched {
        Digest digest;
        oci::Document document;
    };
    Async<Result<Fetched>> fetch_target();
    Async<Result<std::optional<Fetched>>> read_known(Digest digest);
    Async<Result<Fetched>> fetch_child(oci::Descriptor descriptor);
    Async<Result<Fetched>> store(std::string bytes, std::string media_type,
                                 std::optional<oci::Descriptor> expected);
    Async<Result<oci::Manifest>> platform_manifest(oci::Document document);
    Async<Result<>> fetch_layers(oci::Manifest manifest);
    Async<Result<>> fetch_layer(LayerQueue* queue, std::size_t index);
    Async<Result<>> count_seconds(std::string id);
    Async<Result<>> fetch_blob(oci::Descriptor blob, bool quiet, BlobWatcher* watcher = nullptr);
    Async<Result<>> follow(std::shared_ptr<Flights::Flight> flight,
                           std::function<void(std::uint64_t)> report);
    Async<void> drop_partials();
    Async<bool> has(Digest digest);
    Async<bool> up_to_date(Digest target);
    Async<Result<>> adopt(Digest target);
    Async<void> fetch_some(LayerQueue* queue);

    PullParts parts_;
    PullRequest request_;
    Progress progress_;
    std::shared_ptr<Repository> repository_;
    BlobDownload download_;
    std::vector<Digest> fetched_;
};

Async<bool> Pull::has(Digest digest) {
    auto look = [this, &digest] { return parts_.content.has(digest); };
    co_return co_await parts_.pool.run(look);
}

Async<bool> Pull::up_to_date(Digest target) {
    auto look = [this, &target] {
        auto known = parts_.images.resolve(request_.reference.text());
        return known && known->id == target;
    };
    co_return co_await parts_.pool.run(look);
}

// Verifies and keeps a manifest or an index.
Async<Result<Pull::Fetched>> Pull::store(std::string bytes, std::string media_type,
                                         std::optional<oci::Descriptor> expected) {
    auto work = [&]() -> Result<Fetched> {
        BERTH_TRY(auto document, oci::parse_document(bytes, media_type));
        BERTH_TRY(auto ingest, parts_.content.ingest());
        BERTH_CHECK(ingest->write(bytes));
        BERTH_TRY(auto digest,
                  ingest->commit(expected ? &expected->digest : nullptr, expected ? expected->size : -1));
        return Fetched{std::move(digest), std::move(document)};
    };
    co_return co_await parts_.pool.run(work);
}

// What the reference stands for: asked first, since a registry counts what is fetched.
Async<Result<Pull::Fetched>> Pull::fetch_target() {
    const auto& reference = request_.reference;
    auto found = co_await repository_->digest_of(tag_or_digest(reference));
    if (!found)
        co_return Failure(
            resolve_failure(std::move(found.error()), reference.text(), reference.familiar_name()));
    const auto wanted = reference.digest() ? reference.digest() : *found;
    // What is here may have come from a repository that others may read: this one has to have it as well.
    if (*found) {
        BERTH_CO_TRY(auto known, co_await read_known(*wanted));
        if (known) co_return std::move(*known);
    }
    std::string name = wanted ? wanted->text() : reference.tag();
    auto fetched = co_await repository_->manifest(name);
    if (!fetched)
        co_return Failure(
            resolve_failure(std::move(fetched.error()), reference.text(), reference.familiar_name()));
    std::optional<oci::Descriptor> expected;
    if (wanted)
        expected =
            oci::Descriptor{.digest = *wanted, .size = static_cast<std::int64_t>(fetched->bytes.size())};
    auto stored =
        co_await store(std::move(fetched->bytes), std::move(fetched->media_type), std::move(expected));
    if (!stored && stored.error().message.starts_with(oci::kSchema1Removed)) {
        co_return fail(
            ErrorKind::kInvalidArgument,
            fmt::format("{} Suggest the author of {} to upgrade the image to the OCI Format or Docker "
                        "Image manifest v2, schema 2.{}",
                        oci::kSchema1Removed, reference.text(), oci::kSchema1More));
    }
    co_return in("manifest verification failed", std::move(stored));
}

// A document that is here already.
Async<Result<std::optional<Pull::Fetched>>> Pull::read_known(Digest digest) {
    auto work = [&]() -> Result<std::optional<Fetched>> {
        if (!parts_.content.has(digest)) return std::optional<Fetched>();
        BERTH_TRY(auto bytes, parts_.content.read(digest));
        BERTH_TRY(auto document, oci::parse_document(bytes, ""));
        return std::optional<Fetched>(Fetched{digest, std::move(document)});
    };
    co_return co_await parts_.pool.run(work);
}

Async<Result<Pull::Fetched>> Pull::fetch_child(oci::Descriptor descriptor) {
    const bool there = co_await has(descriptor.digest);
    if (there) {
        auto read = [&]() -> Result<Fetched> {
            BERTH_TRY(auto bytes, parts_.content.read(descriptor.digest));
            BERTH_TRY(auto document, oci::parse_document(bytes, descriptor.media_type));
            return Fetched{descriptor.digest, std::move(document)};
        };
        co_return co_await parts_.pool.run(read);
    }
    std::string name = descriptor.digest.text();
    BERTH_CO_TRY(auto fetched, co_await repository_->manifest(name));
    auto stored = co_await store(std::move(fetched.bytes), descriptor.media_type, descriptor);
    co_return in("manifest verification failed for digest " + name, std::move(stored));
}

Async<Result<oci::Manifest>> Pull::platform_manifest(oci::Document document) {
    const auto wanted = request_.platform ? *request_.platform : oci::Platform::host();
    for (int depth = 0; depth < kNesting; ++depth) {
        if (auto* manifest = std::get_if<oci::Manifest>(&document)) {
            if (manifest->runnable()) co_return std::move(*manifest);
            co_return fail(ErrorKind::kInvalidArgument,
                           fmt::format("{} is no image: its config is of the type {}",
                                       request_.reference.familiar(), manifest->config.media_type));
        }
        BERTH_CO_TRY(auto chosen, choose_manifest(std::get<oci::Index>(document), wanted));
        auto child = co_await fetch_child(chosen);
        if (!child) co_return Failure(std::move(child.error()));
        document = std::move(child->document);
    }
    co_return fail(ErrorKind::kInvalidArgument, "the image's index is nested too deeply");
}

Async<void> Pull::fetch_some(LayerQueue* queue) {
    while (!queue->error && queue->next < queue->layers.size()) {
        auto fetched = co_await fetch_layer(queue, queue->next++);
        if (fetched) continue;
        if (!queue->error) queue->error = std::move(fetched.error());
        break;
    }
    if (--queue->working == 0 || queue->error) queue->ended.set();
}

// One layer into the content store and into a snapshot.
Async<Result<>> Pull::fetch_layer(LayerQueue* queue, std::size_t index) {
    LayerWatcher watcher(*queue->arrival, index);
    oci::Descriptor layer = queue->layers[index];
    if (!queue->there[index]) BERTH_CO_CHECK(co_await fetch_blob(std::move(layer), false, &watcher));
    auto finish = [queue, index] { return queue->arrival->finish(index); };
    auto finishing = parts_.pool.run(finish);
    auto counting = count_seconds(std::string(short_id(queue->layers[index].digest.hex())));
    auto first = co_await async::race(std::move(finishing), std::move(counting));
    // The clock leaves first only when all of this is being cancelled.
    if (first.index() == 1) co_return fail(ErrorKind::kCancelled, "the pull has been cancelled");
    co_return std::move(std::get<0>(first));
}

// How long a layer is being unpacked, from the second second on.
Async<Result<>> Pull::count_seconds(std::string id) {
    for (std::uint64_t seconds = 2;; ++seconds) {
        BERTH_CO_CHECK(co_await async::sleep_for(std::chrono::seconds(1)));
        progress_(image::time_line("Extracting", id, seconds));
    }
}

Async<Result<>> Pull::fetch_layers(oci::Manifest manifest) {
    LayerQueue queue(parts_.io);
    queue.layers = manifest.layers;
    bool complete = true;
    for (const auto& layer : queue.layers) {
        const std::string id(short_id(layer.digest.hex()));
        const bool there = co_await has(layer.digest);
        // As with containerd's store, nothing is said of what is here.
        if (!there) progress_(status_line("Pulling fs layer", id));
        queue.there.push_back(there);
        complete = complete && there;
    }
    if (complete) co_return Result<>();
    auto expect = [this, &manifest] { return parts_.images.expect(manifest, progress_); };
    BERTH_CO_TRY(const auto arrival, co_await parts_.pool.run(expect));
    queue.arrival = arrival.get();
    async::Gate gate(parts_.io);
    const int most = repository_->wire().settings().downloads;
    queue.working = std::min(most, static_cast<int>(queue.layers.size()));
    for (int left = queue.working; left > 0; --left) gate.spawn(fetch_some(&queue));
    auto ended = co_await queue.ended.wait();
    if (!ended || queue.error) gate.cancel();
    co_await gate.close();
    if (!ended) co_return ended;
    if (queue.error) co_return Failure(std::move(*queue.error));
    co_return Result<>();
}

// Waits for a download of somebody else's, as long as it goes on.
Async<Result<>> Pull::follow(std::shared_ptr<Flights::Flight> flight,
                             std::function<void(std::uint64_t)> report) {
    while (!flight->ended) {
        report(flight->current);
        BERTH_CO_CHECK(co_await flight->changed.wait());
    }
    if (flight->stalled == repository_->wire().host().origin())
        co_return fail(ErrorKind::kDeadlineExceeded, "the registry has stalled in another pull");
    co_return Result<>();
}

Async<Result<>> Pull::fetch_blob(oci::Descriptor blob, bool quiet, BlobWatcher* watcher) {
    const std::string id(short_id(blob.digest.hex()));
    const auto total = static_cast<std::uint64_t>(blob.size);
    auto last = std::chrono::steady_clock::now() - kReportEvery;
    std::function<void(std::uint64_t)> report = [this, quiet, id, total,
                                                 last](std::uint64_t current) mutable {
        const auto time = std::chrono::steady_clock::now();
        if (quiet || current == 0 || time - last < kReportEvery) return;
        last = time;
        progress_(image::progress_line("Downloading", id, current, total));
    };
    for (;;) {
        const bool there = co_await has(blob.digest);
        if (there) break;
        if (auto flight = parts_.flights.find(blob.digest)) {
            BERTH_CO_CHECK(co_await follow(std::move(flight), report));
            continue;
        }
        auto pilot = parts_.flights.begin(blob.digest);
        BERTH_CO_TRY(auto place, co_await parts_.slots.take());
        std::function<void(std::uint64_t)> steer = [&report, &pilot](std::uint64_t current) {
            report(current);
            pilot->report(current);
        };
        auto done = co_await download_.run(blob, steer, watcher);
        if (!done && done.error().kind == ErrorKind::kDeadlineExceeded)
            pilot->stalled(repository_->wire().host().origin());
        if (!done) co_return done;
        break;
    }
    fetched_.push_back(blob.digest);
    if (!quiet) progress_(image::end_line("Download complete", id));
    co_return Result<>();
}

// What was fetched is an image now: nothing of it need be kept for another try.
Async<void> Pull::drop_partials() {
    auto work = [this] {
        for (const auto& digest : fetched_) {
            if (auto dropped = parts_.content.drop_partial(digest); !dropped)
                log::warning("a part of a download stays", {{"error", dropped.error().message}});
        }
    };
    co_await parts_.pool.run(work);
}

Async<Result<>> Pull::adopt(Digest target) {
    const auto& reference = request_.reference;
    const std::string name =
        reference.digest() ? reference.trimmed().with_digest(target).text() : reference.text();
    auto work = [&] { return parts_.images.adopt(name, target, request_.platform, progress_); };
    co_return co_await parts_.pool.run(work);
}

Async<Result<>> Pull::run() {
    BERTH_CO_TRY(auto target, co_await fetch_target());
    const bool there_before = co_await up_to_date(target.digest);
    BERTH_CO_TRY(auto manifest, co_await platform_manifest(target.document));
    const auto& reference = request_.reference;
    progress_(message_line("Pulling from " + reference.path(),
                           reference.tag().empty() ? reference.text() : reference.tag()));
    BERTH_CO_CHECK(co_await fetch_blob(manifest.config, true));
    BERTH_CO_CHECK(co_await fetch_layers(manifest));
    BERTH_CO_CHECK(co_await adopt(target.digest));
    co_await drop_partials();
    say_end(progress_, request_.reference, target.digest, there_before);
    co_return Result<>();
}

}  // namespace

Async<Result<>> pull_image(PullParts parts, std::shared_ptr<Repository> repository, PullRequest request,
                           Progress progress) {
    Pull pull(parts, std::move(repository), std::move(request), std::move(progress));
    co_return co_await pull.run();
}

Async<Result<>> load_embedded(async::BlockingPool& pool, image::ImageService& images,
                              oci::Reference reference, std::string_view archive, Progress progress) {
    bool there_before = false;
    auto work = [&]() -> Result<Digest> {
        there_before = images.resolve(reference.text()).has_value();
        confine::TarInput input{UniqueFd(::memfd_create("archive", MFD_CLOEXEC)), {}};
        if (!input.fd) return fail_errno("memfd_create");
        BERTH_CHECK(write_all(input.fd.get(), archive));
        if (::lseek(input.fd.get(), 0, SEEK_SET) != 0) return fail_errno("lseek");
        BERTH_CHECK(images.load(std::move(input), {}, {}));
        BERTH_TRY(auto loaded, images.resolve(reference.text()));
        return loaded.id;
    };
    progress(message_line("Pulling from " + reference.path(), reference.tag()));
    BERTH_CO_TRY(auto target, co_await pool.run(work));
    say_end(progress, reference, target, there_before);
    co_return Result<>();
}

}  // namespace berth::registry
