#pragma once

#include "registry/registry_service.h"
#include "registry/repository.h"

namespace berth::registry {

// What a repository says about `reference` (with a tag or a digest), without fetching its layers.
Async<Result<DistributionInfo>> inspect_remote(Repository& repository, oci::Reference reference);

// Its error in Docker's words, which are others here than for a pull: "manifest unknown: manifest unknown".
Error distribution_error(Error error, const Repository& repository, const oci::Reference& reference);

}  // namespace berth::registry
