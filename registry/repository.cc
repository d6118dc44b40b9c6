#include "registry/repository.h"

#include <fmt/format.h>

#include "engine/async/race.h"
#include "engine/oci/image_spec.h"
#include "registry/registry_error.h"

namespace berth::registry {

namespace {

constexpr unsigned kHeadDeadline = 30;  // seconds
constexpr auto kSilence = std::chrono::seconds(60);
constexpr std::size_t kManifestLimit = 4 << 20, kErrorLimit = 64 << 10;
constexpr int kRedirects = 5;

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Async<Result<std::size_t>> read_patiently(http::BodyReader& body, std::span<char> buffer) {
    auto reading = body.read_some(buffer);
    auto limited = async::with_deadline(kSilence, "read from the registry", std::move(reading));
    co_return co_await std::move(limited);
}

Async<Result<std::string>> read_document(http::BodyReader& body, std::size_t limit) {
    std::string out, buffer(32 << 10, '\0');
    for (;;) {
        BERTH_CO_TRY(const std::size_t size, co_await read_patiently(body, buffer));
        if (size == 0) co_return out;
        if (out.size() + size > limit)
            co_return fail(ErrorKind::kInvalidArgument, "the registry's answer is too long");
        out.append(buffer, 0, size);
    }
}

Repository::Repository(IoContext& io, RegistryAddress address, oci::Reference reference,
                       Credentials credentials)
    : io_(io),
      address_(std::move(address)),
      reference_(std::move(reference)),
      credentials_(std::move(credentials)),
      client_(io, address_.endpoint, kHeadDeadline) {
    if (!credentials_.registry_token.empty()) authorization_ = "Bearer " + credentials_.registry_token;
}

Async<Result<Repository::ManifestBytes>> Repository::manifest(std::string name) {
    http::Headers headers;
    for (auto type : {oci::media::kOciIndex, oci::media::kDockerList, oci::media::kOciManifest,
                      oci::media::kDockerManifest})
        headers.add("Accept", std::string(type));
    std::string target = fmt::format("/v2/{}/manifests/{}", reference_.path(), name);
    BERTH_CO_TRY(auto response, co_await get(target, headers));
    if (response.status != 200) {
        auto why = co_await refused(std::move(response));
        co_return why;
    }
    std::string type(response.headers.get("Content-Type"));
    type = type.substr(0, type.find_first_of("; "));
    // Some file servers know no better.
    if (type == "application/json" || type == "application/octet-stream" || type == "text/plain")
        type.clear();
    BERTH_CO_TRY(auto bytes, co_await read_document(*response.body, kManifestLimit));
    co_return ManifestBytes{std::move(type), std::move(bytes)};
}

Async<Result<http::ClientResponse>> Repository::blob(Digest digest, std::uint64_t offset) {
    http::Headers headers;
    if (offset > 0) headers.add("Range", fmt::format("bytes={}-", offset));
    std::string target = fmt::format("/v2/{}/blobs/{}", reference_.path(), digest.text());
    BERTH_CO_TRY(auto response, co_await get(target, headers));
    if (response.status == 200 || response.status == 206) co_return response;
    auto why = co_await refused(std::move(response));
    co_return why;
}

Async<Failure> Repository::refused(http::ClientResponse response) {
    auto body = co_await read_document(*response.body, kErrorLimit);
    co_return registry_error(response.status, body ? *body : std::string(), reference_);
}

// Asks once more when the registry wants to know who asks.
Async<Result<http::ClientResponse>> Repository::get(std::string target, http::Headers headers) {
    BERTH_CO_TRY(auto response, co_await ask(target, headers));
    if (response.status == 401 && response.headers.has("WWW-Authenticate")) {
        std::string challenge(response.headers.get("WWW-Authenticate"));
        const bool rejected = !credentials_.registry_token.empty();
        if (!rejected) {
            BERTH_CO_CHECK(co_await authorize(challenge, target));
            auto again = co_await ask(target, headers);
            if (!again) co_return Failure(std::move(again.error()));
            response = std::move(*again);
        }
    }
    if (!is_redirect(response.status)) co_return response;
    co_return co_await follow(std::move(response), headers);
}

Async<Result<http::ClientResponse>> Repository::ask(std::string target, http::Headers headers) {
    http::ClientRequest request{.target = target, .headers = std::move(headers)};
    request.headers.set("User-Agent", "berth/" BERTH_VERSION);
    if (!authorization_.empty()) request.headers.set("Authorization", authorization_);
    auto response = co_await client_.request(std::move(request));
    co_return in(fmt::format("Get \"{}{}\"", address_.origin, target), std::move(response));
}

// Blobs often lie elsewhere. Credentials stay with the registry they are for, and what began with TLS goes on
// with it.
Async<Result<http::ClientResponse>> Repository::follow(http::ClientResponse response, http::Headers headers) {
    std::string origin = address_.origin;
    for (int hop = 0; hop < kRedirects; ++hop) {
        std::string location(response.headers.get("Location"));
        if (location.starts_with('/') && !location.starts_with("//")) location = origin + location;
        if (!location.starts_with("https://") && !location.starts_with("http://")) {
            co_return fail(ErrorKind::kUnavailable,
                           fmt::format("the registry redirects to \"{}\"", location));
        }
        if (origin.starts_with("https://") && location.starts_with("http://")) {
            co_return fail(ErrorKind::kUnavailable,
                           fmt::format("the registry redirects to plain HTTP: {}", location));
        }
        BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(location));
        http::Client client(io_, endpoint, kHeadDeadline);
        http::ClientRequest request{.target = url_target(location), .headers = headers};
        request.headers.set("User-Agent", "berth/" BERTH_VERSION);
        if (location.starts_with(address_.origin + "/") && !authorization_.empty()) {
            request.headers.set("Authorization", authorization_);
        }
        auto next = co_await client.request(std::move(request));
        if (!next) co_return in(fmt::format("Get \"{}\"", location), std::move(next));
        response = std::move(*next);
        if (!is_redirect(response.status)) co_return response;
        origin = location.substr(0, location.find('/', location.find("://") + 3));
    }
    co_return fail(ErrorKind::kUnavailable, fmt::format("stopped after {} redirects", kRedirects));
}

Async<Result<>> Repository::authorize(std::string challenge, std::string target) {
    auto parsed = parse_challenge(challenge);
    if (parsed.scheme == Challenge::Scheme::kBasic) {
        if (credentials_.username.empty()) {
            co_return fail(ErrorKind::kInternal,
                           fmt::format("Head \"{}{}\": no basic auth credentials", address_.origin, target));
        }
        authorization_ = basic_authorization(credentials_);
        co_return Result<>();
    }
    if (parsed.scheme != Challenge::Scheme::kBearer) {
        co_return fail(ErrorKind::kUnavailable,
                       fmt::format("unsupported authentication challenge \"{}\"", challenge));
    }
    BERTH_CO_TRY(auto token, co_await fetch_token(parsed));
    authorization_ = "Bearer " + token;
    co_return Result<>();
}

Async<Result<std::string>> Repository::fetch_token(Challenge challenge) {
    if (!credentials_.identity_token.empty()) {
        co_return fail(ErrorKind::kNotImplemented, "identity tokens of a registry are not supported yet");
    }
    // A password never travels in the clear unless the registry itself does.
    const bool plain = address_.origin.starts_with("http://") && challenge.realm.starts_with("http://");
    if (!challenge.realm.starts_with("https://") && !plain) {
        co_return fail(ErrorKind::kUnavailable,
                       fmt::format("the registry's token server \"{}\" is not usable", challenge.realm));
    }
    const std::string url = token_url(challenge, "repository:" + reference_.path() + ":pull");
    BERTH_CO_TRY(auto endpoint, http::Endpoint::parse(url));
    http::Client client(io_, endpoint, kHeadDeadline);
    http::ClientRequest request{.target = url_target(url)};
    request.headers.set("User-Agent", "berth/" BERTH_VERSION);
    if (!credentials_.username.empty())
        request.headers.set("Authorization", basic_authorization(credentials_));
    auto response = co_await client.request(std::move(request));
    if (!response) co_return Failure(std::move(response.error()).in(fmt::format("Get \"{}\"", url)));
    BERTH_CO_TRY(auto body, co_await read_document(*response->body, kManifestLimit));
    if (response->status == 200) co_return parse_token(body);
    if (response->status == 401 || response->status == 403) {
        co_return registry_error(401, body, reference_);
    }
    co_return fail(ErrorKind::kUnavailable,
                   fmt::format("failed to fetch a token: unexpected HTTP status {}", response->status));
}

}  // namespace berth::registry
