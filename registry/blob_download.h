#pragma once

#include <functional>

#include "engine/async/blocking_pool.h"
#include "engine/content/content_store.h"
#include "engine/oci/image_spec.h"
#include "registry/repository.h"

namespace berth::registry {

// Fetches one blob into the content store: verified, resumed where a connection broke or an earlier pull
// stopped, given up after several attempts without a byte. One download of a blob at a time. All references
// outlive the call. `report` gets the bytes so far, now and then.
struct BlobDownload {
    Repository& repository;
    content::ContentStore& content;
    async::BlockingPool& pool;

    Async<Result<>> run(oci::Descriptor blob, std::function<void(std::uint64_t)> report);

 private:
    Async<Result<>> fetch(oci::Descriptor blob, content::Ingest& ingest,
                          std::function<void(std::uint64_t)> report);
    Async<Result<>> attempt(oci::Descriptor blob, content::Ingest& ingest,
                            std::function<void(std::uint64_t)> report, bool* retry);
    Async<Result<>> copy(http::BodyReader& body, oci::Descriptor blob, content::Ingest& ingest,
                         std::uint64_t skip, std::function<void(std::uint64_t)> report);
};

}  // namespace berth::registry
