#include <fmt/format.h>

#include <atomic>

#include "engine/base/log.h"
#include "engine/image/progress_lines.h"
#include "registry/distribution.h"
#include "registry/embedded_image.h"
#include "registry/fetch_url.h"
#include "registry/login.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/registry_error.h"
#include "registry/registry_service.h"
#include "registry/search.h"

namespace berth::registry {

namespace {

using image::Progress;
using image::status_line;

class Service final : public RegistryService {
 public:
    explicit Service(RegistryParts parts)
        : parts_(std::move(parts)),
          settings_(std::make_shared<const RegistrySettings>(parts_.settings)),
          uploads_(parts_.io, parts_.settings.uploads),
          downloads_(parts_.io, parts_.settings.downloads),
          flights_(parts_.io) {}

    void configure(RegistrySettings settings) override {
        uploads_.resize(settings.uploads);
        downloads_.resize(settings.downloads);
        settings_ = std::make_shared<const RegistrySettings>(std::move(settings));
    }
    Async<Result<>> pull(PullRequest request, Progress progress) override;
    Async<Result<>> push(PushRequest request, Progress progress) override;
    Async<Result<LoginAnswer>> login(Credentials credentials) override {
        return log_in(parts_.io, parts_.pool, settings_, std::move(credentials));
    }
    Async<Result<http::ClientResponse>> fetch(std::string url) override {
        return fetch_url(parts_.io, settings_, std::move(url));
    }
    Async<Result<DistributionInfo>> inspect(oci::Reference reference, Credentials credentials) override;
    Async<Result<std::vector<SearchResult>>> search(SearchRequest request) override {
        return search_index(parts_.io, parts_.pool, settings_, std::move(request));
    }

 private:
    using Hosts = std::vector<RegistryHost>;
    using RepositoryPtr = std::shared_ptr<Repository>;
    Async<Result<Hosts>> hosts_of(std::string domain, Purpose purpose);
    Async<Result<RepositoryPtr>> open(RegistryHost host, oci::Reference reference, Credentials credentials);
    Async<Result<>> pull_from(RegistryHost host, PullRequest request, Progress progress);
    Async<Result<>> pull_tags(RepositoryPtr repository, PullRequest request, Progress progress);
    Async<Result<>> pull_one(RepositoryPtr repository, PullRequest request, Progress progress);

    RegistryParts parts_;
    Settings settings_;
    Slots uploads_, downloads_;
    Flights flights_;
};

Async<Result<Service::Hosts>> Service::hosts_of(std::string domain, Purpose purpose) {
    auto find = [&domain, purpose, settings = settings_] { return find_hosts(*settings, domain, purpose); };
    co_return co_await parts_.pool.run(find);
}

Async<Result<Service::RepositoryPtr>> Service::open(RegistryHost host, oci::Reference reference,
                                                    Credentials credentials) {
    credentials = credentials_for(credentials, host.authority, reference.domain());
    BERTH_CO_TRY(auto wire,
                 co_await Wire::open(parts_.io, settings_, std::move(host), std::move(credentials)));
    co_return std::make_shared<Repository>(std::move(wire), reference.path());
}

Async<Result<>> Service::pull_one(RepositoryPtr repository, PullRequest request, Progress progress) {
    const auto reference = request.reference;
    auto pin = parts_.images.pin();
    PullParts parts{parts_.io, parts_.pool, parts_.content, parts_.images, downloads_, flights_};
    auto done = co_await pull_image(parts, repository, std::move(request), std::move(progress));
    // What a failed pull has brought goes again.
    auto unpin = [this, &pin, &reference, failed = !done] {
        pin.reset();
        if (!failed) return parts_.announce("pull", reference);
        if (auto collected = parts_.images.collect_garbage(); !collected)
            log::warning("images were not collected", {{"error", collected.error().message}});
    };
    co_await parts_.pool.run(unpin);
    co_return done;
}

Async<Result<>> Service::pull_tags(RepositoryPtr repository, PullRequest request, Progress progress) {
    const auto bare = request.reference;
    auto tags = co_await repository->tags();
    if (!tags) co_return Failure(tags_failure(std::move(tags.error()), bare.text(), bare.familiar_name()));
    for (const auto& tag : *tags) {
        auto tagged = bare.with_tag(tag);
        if (!tagged) {
            log::warning("an invalid tag is not pulled", {{"repository", bare.text()}, {"tag", tag}});
            continue;
        }
        request.reference = *tagged;
        auto done = co_await pull_one(repository, request, progress);
        if (!done) co_return in("error pulling " + tagged->text(), std::move(done));
    }
    co_return Result<>();
}

Async<Result<>> Service::pull_from(RegistryHost host, PullRequest request, Progress progress) {
    BERTH_CO_TRY(auto repository, co_await open(std::move(host), request.reference, request.credentials));
    if (request.reference.name_only()) co_return co_await pull_tags(repository, request, progress);
    co_return co_await pull_one(repository, request, progress);
}

Async<Result<>> Service::pull(PullRequest request, Progress progress) {
    const auto embedded = embedded_archive(request.reference);
    if (!embedded.empty()) {
        BERTH_CO_CHECK(
            co_await load_embedded(parts_.pool, parts_.images, request.reference, embedded, progress));
        auto announce = [this, &request] { parts_.announce("pull", request.reference); };
        co_await parts_.pool.run(announce);
        co_return Result<>();
    }
    BERTH_CO_TRY(auto hosts, co_await hosts_of(request.reference.domain(), Purpose::kPull));
    Result<> done;
    for (auto& host : hosts) {
        const bool last = &host == &hosts.back();
        const std::string origin = host.origin();
        // Whether the client has heard anything: then another host cannot start over.
        auto started = std::make_shared<std::atomic<bool>>(false);
        Progress watched = [progress, started](std::string line) {
            *started = true;
            progress(std::move(line));
        };
        done = co_await pull_from(std::move(host), request, std::move(watched));
        if (done || last || *started || done.error().kind == ErrorKind::kCancelled) break;
        log::info(
            "a mirror cannot serve an image",
            {{"mirror", origin}, {"image", request.reference.familiar()}, {"error", done.error().message}});
    }
    co_return done;
}

Async<Result<>> Service::push(PushRequest request, Progress progress) {
    const auto& reference = request.reference;
    progress(status_line(fmt::format("The push refers to repository [{}]", reference.name())));
    std::vector<oci::Reference> wanted{reference};
    if (reference.name_only()) {
        auto list = [this] { return parts_.images.names(); };
        BERTH_CO_TRY(auto names, co_await parts_.pool.run(list));
        wanted.clear();
        for (const auto& named : names) {
            auto parsed = oci::Reference::parse(named.name);
            if (parsed && !parsed->tag().empty() && parsed->name() == reference.name())
                wanted.push_back(*parsed);
        }
        if (wanted.empty()) {
            co_return fail(ErrorKind::kNotFound,
                           "An image does not exist locally with the tag: " + reference.familiar_name());
        }
    }
    BERTH_CO_TRY(auto hosts, co_await hosts_of(reference.domain(), Purpose::kPush));
    BERTH_CO_TRY(auto repository, co_await open(hosts.front(), reference, request.credentials));
    auto pin = parts_.images.pin();
    const PushParts parts{parts_.io, parts_.pool, parts_.content, parts_.images, uploads_};
    for (const auto& one : wanted) {
        BERTH_CO_CHECK(co_await push_image(parts, *repository, one, request.platform, progress));
        auto announce = [this, &one] { parts_.announce("push", one); };
        co_await parts_.pool.run(announce);
    }
    co_return Result<>();
}

Async<Result<DistributionInfo>> Service::inspect(oci::Reference reference, Credentials credentials) {
    reference = reference.with_default_tag();
    BERTH_CO_TRY(auto hosts, co_await hosts_of(reference.domain(), Purpose::kPull));
    std::optional<Error> why;
    for (auto& host : hosts) {
        auto repository = co_await open(std::move(host), reference, credentials);
        if (!repository) co_return Failure(std::move(repository.error()));
        auto info = co_await inspect_remote(**repository, reference);
        if (info) co_return info;
        why = distribution_error(std::move(info.error()), **repository, reference);
    }
    co_return Failure(std::move(*why));
}

}  // namespace

std::unique_ptr<RegistryService> make_registry_service(RegistryParts parts) {
    return std::make_unique<Service>(std::move(parts));
}

}  // namespace berth::registry
