#include "engine/daemon/registry_switch.h"

namespace berth::daemon {

using namespace registry;

Async<Result<>> RegistrySwitch::pull(PullRequest request, image::Progress progress) {
    auto service = current_;
    auto work = service->pull(std::move(request), std::move(progress));
    co_return co_await std::move(work);
}

Async<Result<>> RegistrySwitch::push(PushRequest request, image::Progress progress) {
    auto service = current_;
    auto work = service->push(std::move(request), std::move(progress));
    co_return co_await std::move(work);
}

Async<Result<LoginAnswer>> RegistrySwitch::login(Credentials credentials) {
    auto service = current_;
    auto work = service->login(std::move(credentials));
    co_return co_await std::move(work);
}

Async<Result<DistributionInfo>> RegistrySwitch::inspect(oci::Reference reference, Credentials credentials) {
    auto service = current_;
    auto work = service->inspect(std::move(reference), std::move(credentials));
    co_return co_await std::move(work);
}

Async<Result<std::vector<SearchResult>>> RegistrySwitch::search(SearchRequest request) {
    auto service = current_;
    auto work = service->search(std::move(request));
    co_return co_await std::move(work);
}

}  // namespace berth::daemon
