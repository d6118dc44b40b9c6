#include "registry/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/oci/json_shape.h"
#include "registry/registry_error.h"

namespace berth::registry {

namespace {

const std::vector<unsigned> kOk{200};
constexpr std::size_t kMostTags = 100'000, kMostPages = 1000;

http::Headers manifest_types() {
    http::Headers headers;
    for (auto type : {oci::media::kOciIndex, oci::media::kDockerList, oci::media::kOciManifest,
                      oci::media::kDockerManifest})
        headers.add("Accept", std::string(type));
    return headers;
}

// The URL of the next page in a Link header: <URL>; rel="next".
std::string next_page(const http::Headers& headers) {
    const auto link = headers.get("Link");
    const auto open = link.find('<'), close = link.find('>');
    const bool next = close != link.npos && link.find("next", close) != link.npos;
    return next && open < close ? std::string(link.substr(open + 1, close - open - 1)) : std::string();
}

}  // namespace

WireRequest Repository::pulling(std::string method, std::string target) const {
    return {
        .method = std::move(method), .target = std::move(target), .scope = "repository:" + path_ + ":pull"};
}

Async<Failure> Repository::refused(http::ClientResponse response, std::string method, std::string target) {
    auto refusal = co_await read_refusal(std::move(response), std::move(method), wire_->url(target),
                                         wire_->settings().patience);
    co_return unexpected_status(refusal);
}

// An answer with one of these statuses; any other is an error.
Async<Result<http::ClientResponse>> Repository::expect(WireRequest request, std::vector<unsigned> statuses) {
    const std::string method = request.method, target = request.target;
    BERTH_CO_TRY(auto response, co_await wire_->send(std::move(request)));
    const bool good = std::find(statuses.begin(), statuses.end(), response.status) != statuses.end();
    if (good) co_return response;
    auto why = co_await refused(std::move(response), method, target);
    co_return why;
}

Async<Result<Repository::ManifestBytes>> Repository::manifest(std::string name) {
    auto request = pulling("GET", fmt::format("/v2/{}/manifests/{}", path_, name));
    request.headers = manifest_types();
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), kOk));
    std::string type(response.headers.get("Content-Type"));
    type = type.substr(0, type.find_first_of("; "));
    // Some file servers know no better.
    if (type == "application/json" || type == "application/octet-stream" || type == "text/plain")
        type.clear();
    BERTH_CO_TRY(auto bytes,
                 co_await read_document(*response.body, kDocumentLimit, wire_->settings().patience));
    co_return ManifestBytes{std::move(type), std::move(bytes)};
}

Async<Result<std::optional<Digest>>> Repository::digest_of(std::string name) {
    auto request = pulling("HEAD", fmt::format("/v2/{}/manifests/{}", path_, name));
    request.headers = manifest_types();
    // Some registries do not know HEAD here.
    std::vector<unsigned> statuses{200, 400, 403, 405};
    BERTH_CO_TRY(auto response, co_await expect(std::move(request), std::move(statuses)));
    if (response.status != 200) co_return std::optional<Digest>();
    auto digest = Digest::parse(response.headers.get("Docker-Content-Digest"));
    if (!digest) co_return std::optional<Digest>();
    co_return std::optional<Digest>(std::move(*digest));
}

Async<Result<http::ClientResponse>> Repository::blob(Digest digest, std::uint64_t offset,
                                                     std::optional<Deadline> deadline) {
    auto request = pulling("GET", fmt::format("/v2/{}/blobs/{}", path_, digest.text()));
    request.deadline = deadline;
    request.gives_up = true;
    if (offset > 0) request.headers.add("Range", fmt::format("bytes={}-", offset));
    std::vector<unsigned> statuses{200, 206};
    co_return co_await expect(std::move(request), std::move(statuses));
}

Async<Result<std::vector<std::string>>> Repository::tags() {
    std::vector<std::string> out;
    std::string target = fmt::format("/v2/{}/tags/list", path_);
    for (std::size_t page = 0; page < kMostPages && !target.empty(); ++page) {
        auto request = pulling("GET", target);
        BERTH_CO_TRY(auto response, co_await expect(std::move(request), kOk));
        const std::string next = next_page(response.headers);
        BERTH_CO_TRY(auto text,
                     co_await read_document(*response.body, kDocumentLimit, wire_->settings().patience));
        BERTH_CO_CHECK(oci::check_json_shape(text));
        const auto json = nlohmann::json::parse(text, nullptr, false);
        const bool listed = json.is_object() && json.contains("tags") && json["tags"].is_array();
        for (const auto& tag : listed ? json["tags"] : nlohmann::json::array()) {
            if (tag.is_string() && out.size() < kMostTags) out.push_back(tag.get<std::string>());
        }
        // A relative link is relative to the list.
        const bool relative = !next.empty() && next[0] != '/' && url_origin(next).empty();
        target = relative ? fmt::format("/v2/{}/tags/{}", path_, next) : next;
    }
    co_return out;
}

}  // namespace berth::registry
