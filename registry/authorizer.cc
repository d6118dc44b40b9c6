#include "registry/authorizer.h"

#include <fmt/format.h>

#include "registry/registry_error.h"

namespace berth::registry {

namespace {

using std::chrono::steady_clock;

// A token is not used in its last moments: it has to live for the request.
constexpr auto kMargin = std::chrono::seconds(10);

Failure denied(const std::string& why) {
    return fail(ErrorKind::kUnauthorized, "authorization failed: " + why);
}

}  // namespace

Authorizer::Authorizer(IoContext& io, const RegistrySettings& settings, RegistryHost host,
                       Credentials credentials)
    : io_(io),
      settings_(settings),
      host_(std::move(host)),
      credentials_(std::move(credentials)),
      fetching_(io) {}

bool Authorizer::learn(const http::Headers& headers, const std::string& used, const std::string& scope) {
    if (!credentials_.registry_token.empty() && !used.empty()) return false;
    auto challenge = choose_challenge(headers.all("WWW-Authenticate"));
    if (challenge.scheme == Challenge::Scheme::kUnknown) return false;
    asked_ = true;
    challenge_ = std::move(challenge);
    if (used.empty()) return true;
    // A password that was refused stays wrong; a token may have run out, or been for something else.
    if (challenge_.scheme == Challenge::Scheme::kBasic) return false;
    const auto held = tokens_.find(scope);
    if (held != tokens_.end() && "Bearer " + held->second.text == used) tokens_.erase(held);
    return true;
}

Async<Result<std::string>> Authorizer::header(std::string scope) {
    if (!credentials_.registry_token.empty()) co_return "Bearer " + credentials_.registry_token;
    if (!asked_) co_return std::string();
    if (challenge_.scheme == Challenge::Scheme::kBasic) {
        if (credentials_.username.empty()) co_return denied("no basic auth credentials");
        co_return basic_authorization(credentials_);
    }
    co_return co_await bearer(std::move(scope));
}

Async<Result<std::string>> Authorizer::bearer(std::string scope) {
    BERTH_CO_TRY(auto guard, co_await fetching_.lock(scope));
    auto held = tokens_.find(scope);
    if (held == tokens_.end() || held->second.until <= steady_clock::now()) {
        BERTH_CO_TRY(auto token, co_await fetch(scope));
        held = tokens_.insert_or_assign(scope, std::move(token)).first;
    }
    co_return "Bearer " + held->second.text;
}

// A password never travels in the clear unless the registry itself does.
Result<> Authorizer::trust(const std::string& realm) const {
    const bool plain = host_.scheme == "http" && realm.starts_with("http://");
    if (realm.starts_with("https://") || plain) return {};
    return denied(fmt::format("the registry's token server \"{}\" is not usable", realm));
}

Async<Result<http::ClientResponse>> Authorizer::by_get(std::string scope) {
    http::ClientRequest request;
    if (!credentials_.username.empty())
        request.headers.set("Authorization", basic_authorization(credentials_));
    const std::string url = token_url(challenge_.realm, {.service = challenge_.service,
                                                         .scope = scope,
                                                         .account = credentials_.username,
                                                         .offline = offline_});
    co_return co_await ask_url(io_, settings_, url, std::move(request), host_.tls);
}

Async<Result<http::ClientResponse>> Authorizer::by_post(std::string scope) {
    http::ClientRequest request{.method = "POST"};
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = token_form({.service = challenge_.service,
                               .scope = scope,
                               .account = credentials_.username,
                               .offline = offline_,
                               .password = credentials_.password,
                               .refresh_token = credentials_.identity_token});
    co_return co_await ask_url(io_, settings_, challenge_.realm, std::move(request), host_.tls);
}

// An identity token can only be posted; a password is, where the server has no other way.
Async<Result<http::ClientResponse>> Authorizer::ask(std::string scope) {
    if (!credentials_.identity_token.empty()) co_return co_await by_post(scope);
    auto response = co_await by_get(scope);
    const bool other_way = response && (response->status == 404 || response->status == 405);
    if (!other_way || credentials_.username.empty()) co_return response;
    co_return co_await by_post(scope);
}

Async<Result<Authorizer::Token>> Authorizer::fetch(std::string scope) {
    BERTH_CO_CHECK(trust(challenge_.realm));
    auto response = co_await ask(scope);
    if (!response)
        co_return Failure(std::move(response.error()).in("failed to fetch a token from " + challenge_.realm));
    const unsigned status = response->status;
    std::string method = "GET";
    auto refusal = co_await read_refusal(std::move(*response), method, challenge_.realm, settings_.patience);
    if (status == 400 || status == 401 || status == 403) {
        const bool anonymous = credentials_.username.empty() && credentials_.identity_token.empty();
        const auto said = first_error(refusal.body);
        co_return denied(fmt::format("failed to fetch {} token: unexpected status: {}{}{}",
                                     anonymous ? "anonymous" : "oauth", status_words(status),
                                     said.empty() ? "" : ": ", said));
    }
    if (status != 200) co_return unexpected_status(refusal);
    BERTH_CO_TRY(auto answer, parse_token(refusal.body));
    if (!answer.refresh_token.empty()) refresh_token_ = std::move(answer.refresh_token);
    co_return Token{std::move(answer.token), steady_clock::now() + answer.lifetime - kMargin};
}

}  // namespace berth::registry
