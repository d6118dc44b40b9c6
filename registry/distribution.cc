#include "registry/distribution.h"

#include <fmt/format.h>

#include "registry/registry_error.h"

namespace berth::registry {

namespace {

Async<Result<std::vector<oci::Platform>>> platform_of(Repository& repository, oci::Manifest manifest) {
    std::vector<oci::Platform> out;
    if (!manifest.runnable()) co_return out;
    auto response = co_await repository.blob(manifest.config.digest, 0);
    if (!response) co_return Failure(std::move(response.error()));
    BERTH_CO_TRY(auto text, co_await read_document(*response->body, kDocumentLimit,
                                                   repository.wire().settings().patience));
    // What cannot be read tells no platform, and is no error either.
    auto config = oci::parse_image_config(text);
    if (config && sha256(text) == manifest.config.digest) out.push_back(config->platform);
    co_return out;
}

}  // namespace

Async<Result<DistributionInfo>> inspect_remote(Repository& repository, oci::Reference reference) {
    const std::string name = reference.digest() ? reference.digest()->text() : reference.tag();
    BERTH_CO_TRY(auto fetched, co_await repository.manifest(name));
    BERTH_CO_TRY(auto document, oci::parse_document(fetched.bytes, fetched.media_type));
    const auto digest = sha256(fetched.bytes);
    if (reference.digest() && digest != *reference.digest())
        co_return fail(ErrorKind::kInternal, "manifest verification failed for digest " + name);
    DistributionInfo out{{.media_type = std::visit([](const auto& d) { return d.media_type; }, document),
                          .digest = digest,
                          .size = static_cast<std::int64_t>(fetched.bytes.size())},
                         {}};
    if (const auto* index = std::get_if<oci::Index>(&document)) {
        for (const auto& entry : index->manifests) {
            if (entry.platform) out.platforms.push_back(*entry.platform);
        }
        co_return out;
    }
    BERTH_CO_TRY(out.platforms, co_await platform_of(repository, std::get<oci::Manifest>(document)));
    co_return out;
}

Error distribution_error(Error error, const Repository& repository, const oci::Reference& reference) {
    if (error.kind == ErrorKind::kNotFound)
        return {ErrorKind::kNotFound, "manifest unknown: manifest unknown"};
    if (error.message.find("no basic auth credentials") != std::string::npos) {
        const std::string name = reference.digest() ? reference.digest()->text() : reference.tag();
        const auto target = fmt::format("/v2/{}/manifests/{}", reference.path(), name);
        return {ErrorKind::kInternal,
                fmt::format("Head \"{}\": no basic auth credentials", repository.wire().url(target))};
    }
    const bool known = error.kind == ErrorKind::kCancelled || error.kind == ErrorKind::kUnauthorized ||
                       error.kind == ErrorKind::kForbidden || error.kind == ErrorKind::kInvalidArgument;
    if (!known) error.kind = ErrorKind::kInternal;
    return error;
}

}  // namespace berth::registry
