#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/async/async.h"
#include "engine/async/blocking_pool.h"
#include "engine/http/client.h"
#include "engine/image/image_service.h"
#include "engine/oci/platform.h"
#include "engine/oci/reference.h"
#include "registry/credentials.h"
#include "registry/settings.h"

namespace berth::registry {

struct PullRequest {
    oci::Reference reference;  // the digest counts where there is a tag too; bare: every tag
    std::optional<oci::Platform> platform;
    Credentials credentials;
};

struct PushRequest {
    oci::Reference reference;               // bare: every tag that is here
    std::optional<oci::Platform> platform;  // its manifest alone
    Credentials credentials;
};

struct LoginAnswer {
    std::string status, identity_token;
};

// What a registry says about an image (GET /distribution/NAME/json).
struct DistributionInfo {
    oci::Descriptor descriptor;
    std::vector<oci::Platform> platforms;
};

struct SearchRequest {
    std::string term;
    int limit = 0;  // 0: the default of 25
    std::optional<bool> official;
    int stars = 0;
    bool automated = false;  // nothing is, any more
    Credentials credentials;
};
struct SearchResult {
    std::string name, description;
    int stars = 0;
    bool official = false;
};

// Speaks to registries. Called on the io thread; cancelling the caller ends the work. `progress` gets the
// lines of the API's stream, from any thread. Texts and statuses are those of Docker with its containerd
// store.
class RegistryService {
 public:
    virtual ~RegistryService() = default;

    // For all work from now on.
    virtual void configure(RegistrySettings settings) = 0;

    // Fetches an image into the content store and hands it to the image service. The first line comes once
    // the registry has answered: an error before it has Docker's status. Layers that a pull has fetched
    // before it failed are taken up by the next one, also after a restart.
    virtual Async<Result<>> pull(PullRequest request, image::Progress progress) = 0;
    virtual Async<Result<>> push(PushRequest request, image::Progress progress) = 0;
    // Whether a registry accepts the credentials: kInternal "login attempt to URL failed with status: 401
    // Unauthorized" when it does not.
    virtual Async<Result<LoginAnswer>> login(Credentials credentials) = 0;
    // What a URL names, as a stranger: for an import.
    virtual Async<Result<http::ClientResponse>> fetch(std::string url) = 0;
    virtual Async<Result<DistributionInfo>> inspect(oci::Reference reference, Credentials credentials) = 0;
    virtual Async<Result<std::vector<SearchResult>>> search(SearchRequest request) = 0;
};

// All references outlive the service and its work. `pool`: of its own, for files of what is on its way.
struct RegistryParts {
    IoContext& io;
    async::BlockingPool& pool;
    content::ContentStore& content;
    image::ImageService& images;
    RegistrySettings settings;
    // Called on the pool when an image has been moved: "pull" or "push".
    std::function<void(const char* action, const oci::Reference& reference)> announce;
};
std::unique_ptr<RegistryService> make_registry_service(RegistryParts parts);

}  // namespace berth::registry
