#pragma once

#include <functional>

#include "engine/async/blocking_pool.h"
#include "engine/content/content_store.h"
#include "engine/oci/image_spec.h"
#include "registry/repository.h"

namespace berth::registry {

// Brings one blob into a repository: in one request, and where the line breaks or the registry does not take
// that, piece by piece from where it got to, unless it gets nowhere for the settings' patience. All
// references outlive the call. `report` gets the bytes so far, on the io thread.
struct BlobUpload {
    Repository& repository;
    content::ContentStore& content;
    async::BlockingPool& pool;

    // `location`: where begin_upload() said.
    Async<Result<>> run(oci::Descriptor blob, std::string location,
                        std::function<void(std::uint64_t)> report);

 private:
    struct Course;
    Async<Result<>> whole(Course& course);
    Async<Result<>> in_pieces(Course& course);
    Async<Result<bool>> ask_where(Course& course);
    Async<Result<UniqueFd>> open(Digest digest);
};

}  // namespace berth::registry
