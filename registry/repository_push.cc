#include <fmt/format.h>

#include <charconv>

#include "engine/http/url.h"
#include "registry/repository.h"

namespace berth::registry {

namespace {
const std::vector<unsigned> kThereOrNot{200, 404};
}

WireRequest Repository::pushing(std::string method, std::string target) const {
    return {.method = std::move(method),
            .target = std::move(target),
            .scope = "repository:" + path_ + ":pull,push"};
}

Async<Result<bool>> Repository::has_blob(Digest digest, std::optional<Deadline> deadline) {
    auto request = pushing("HEAD", fmt::format("/v2/{}/blobs/{}", path_, digest.text()));
    request.deadline = deadline;
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), kThereOrNot));
    co_return response.status == 200;
}

Async<Result<bool>> Repository::has_manifest(std::string name, Digest digest) {
    auto request = pushing("HEAD", fmt::format("/v2/{}/manifests/{}", path_, name));
    for (auto type : {oci::media::kOciIndex, oci::media::kDockerList, oci::media::kOciManifest,
                      oci::media::kDockerManifest})
        request.headers.add("Accept", std::string(type));
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), kThereOrNot));
    co_return response.status == 200 && response.headers.get("Docker-Content-Digest") == digest.text();
}

Async<Result<>> Repository::put_manifest(std::string name, std::string media_type, std::string bytes) {
    auto request = pushing("PUT", fmt::format("/v2/{}/manifests/{}", path_, name));
    request.headers.set("Content-Type", std::move(media_type));
    request.body = std::move(bytes);
    const std::vector<unsigned> good{200, 201, 202};
    BERTH_CO_CHECK(co_await expect(std::move(request), good));
    co_return Result<>();
}

// Uploads go where the registry says, which may be another host.
Result<std::string> Repository::location_of(const http::ClientResponse& response,
                                            const std::string& asked) const {
    std::string location(response.headers.get("Location"));
    if (location.empty())
        return fail(ErrorKind::kUnavailable, "the registry does not say where to upload to");
    if (location.starts_with("//")) location = wire_->host().scheme + ":" + location;
    const std::string origin = url_origin(wire_->url(asked));
    if (location.starts_with('/')) location = origin + location;
    if (url_origin(location).empty())
        return fail(ErrorKind::kUnavailable, fmt::format("the registry names \"{}\" to upload to", location));
    if (origin.starts_with("https://") && location.starts_with("http://"))
        return fail(ErrorKind::kUnavailable, "the registry wants an upload in plain HTTP: " + location);
    return location;
}

Async<Result<std::optional<std::string>>> Repository::begin_upload(Digest digest, std::string from,
                                                                   std::optional<Deadline> deadline) {
    std::string target = fmt::format("/v2/{}/blobs/uploads/", path_);
    if (!from.empty())
        target += fmt::format("?mount={}&from={}", http::encode_form(digest.text()), http::encode_form(from));
    auto request = pushing("POST", target);
    request.deadline = deadline;
    if (!from.empty()) request.scope += fmt::format(" repository:{}:pull", from);
    const std::vector<unsigned> good{201, 202};
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), good));
    if (response.status == 201) co_return std::optional<std::string>();
    BERTH_CO_TRY(auto location, location_of(response, target));
    co_return std::optional<std::string>(std::move(location));
}

Async<Result<>> Repository::finish_upload(std::string location, Digest digest, http::BodySource* bytes) {
    const char separator = location.find('?') == std::string::npos ? '?' : '&';
    auto request =
        pushing("PUT", fmt::format("{}{}digest={}", location, separator, http::encode_form(digest.text())));
    request.headers.set("Content-Type", "application/octet-stream");
    request.stream = bytes;
    const std::vector<unsigned> good{200, 201, 204};
    BERTH_CO_CHECK(co_await expect(std::move(request), good));
    co_return Result<>();
}

Async<Result<std::string>> Repository::append_upload(std::string location, std::uint64_t offset,
                                                     http::BodySource* bytes) {
    auto request = pushing("PATCH", location);
    request.headers.set("Content-Type", "application/octet-stream");
    request.headers.set("Content-Range", fmt::format("{}-{}", offset, offset + *bytes->size() - 1));
    request.stream = bytes;
    const std::vector<unsigned> good{202, 204};
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), good));
    co_return location_of(response, location);
}

Async<Result<Repository::UploadState>> Repository::upload_state(std::string location,
                                                                std::optional<Deadline> deadline) {
    auto request = pushing("GET", location);
    request.deadline = deadline;
    const std::vector<unsigned> good{204};
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), good));
    UploadState out;
    BERTH_CO_TRY(out.location, location_of(response, location));
    // "0-1023" for 1024 bytes; "0-0" is nothing, or a single byte that is sent again.
    const auto range = response.headers.get("Range");
    const auto dash = range.find('-');
    std::uint64_t last = 0;
    if (dash != range.npos) std::from_chars(range.data() + dash + 1, range.data() + range.size(), last);
    out.received = last == 0 ? 0 : last + 1;
    co_return out;
}

}  // namespace berth::registry
