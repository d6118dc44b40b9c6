#pragma once

#include <memory>

#include "registry/registry_service.h"

namespace berth::daemon {

// The registry service whose settings a reload may replace: work under way ends with those it began with.
class RegistrySwitch final : public registry::RegistryService {
 public:
    void use(std::unique_ptr<registry::RegistryService> service) { current_ = std::move(service); }

    Async<Result<>> pull(registry::PullRequest request, image::Progress progress) override;
    Async<Result<>> push(registry::PushRequest request, image::Progress progress) override;
    Async<Result<registry::LoginAnswer>> login(registry::Credentials credentials) override;
    Async<Result<registry::DistributionInfo>> inspect(oci::Reference reference,
                                                      registry::Credentials credentials) override;
    Async<Result<std::vector<registry::SearchResult>>> search(registry::SearchRequest request) override;

 private:
    std::shared_ptr<registry::RegistryService> current_;
};

}  // namespace berth::daemon
