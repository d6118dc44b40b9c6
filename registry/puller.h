#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/async/async.h"
#include "engine/async/blocking_pool.h"
#include "engine/image/image_service.h"
#include "engine/oci/platform.h"
#include "engine/oci/reference.h"
#include "registry/credentials.h"

namespace berth::registry {

struct PullRequest {
    oci::Reference reference;  // with a tag or a digest; the digest counts where both are
    std::optional<oci::Platform> platform;
    Credentials credentials;
};

// Fetches images from registries into the content store and hands them to the image service.
class Puller {
 public:
    virtual ~Puller() = default;
    // Called on the io thread; `progress` gets the lines of the API's stream, from any thread. The first line
    // comes once the registry has answered: an error before it has Docker's status. Cancelling the caller
    // ends the pull. What a pull that failed has brought is collected.
    virtual Async<Result<>> pull(PullRequest request, image::Progress progress) = 0;
};

// All references outlive the puller and its pulls. `insecure`: hosts ("host", "host:port") that are spoken to
// in plain HTTP, as loopback ones always are.
struct PullerParts {
    IoContext& io;
    async::BlockingPool& pool;
    content::ContentStore& content;
    image::ImageService& images;
    std::vector<std::string> insecure;
};
std::unique_ptr<Puller> make_puller(PullerParts parts);

}  // namespace berth::registry
