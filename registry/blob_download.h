#pragma once

#include <functional>

#include "engine/async/blocking_pool.h"
#include "engine/content/content_store.h"
#include "engine/oci/image_spec.h"
#include "registry/repository.h"

namespace berth::registry {

// Whoever wants to see a blob's bytes while they come. Called on pool threads, one call at a time.
class BlobWatcher {
 public:
    virtual ~BlobWatcher() = default;
    // The download begins, or begins anew, with what is in `ingest` already.
    virtual void begin(content::Ingest& ingest) = 0;
    virtual void grown(std::uint64_t bytes) = 0;
};

// Fetches one blob into the content store: verified, resumed where a connection broke or stalled or an
// earlier pull stopped, given up after several attempts without a byte, or when the registry has got nowhere
// for the settings' patience. One download of a blob at a time. All references outlive the call. `report`
// gets the bytes so far, now and then.
struct BlobDownload {
    Repository& repository;
    content::ContentStore& content;
    async::BlockingPool& pool;

    // `watcher` may be null.
    Async<Result<>> run(oci::Descriptor blob, std::function<void(std::uint64_t)> report,
                        BlobWatcher* watcher = nullptr);

 private:
    // What one run hands down.
    struct Course {
        oci::Descriptor blob;
        std::function<void(std::uint64_t)> report;
        BlobWatcher* watcher;
        Deadline deadline;
        content::Ingest* ingest = nullptr;
    };
    Async<Result<>> fetch(Course& course);
    Async<Result<>> attempt(Course& course, bool* retry);
    Async<Result<>> copy(http::BodyReader& body, Course& course, std::uint64_t skip);
};

}  // namespace berth::registry
