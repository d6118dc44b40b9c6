#pragma once

#include <map>
#include <string>

#include "engine/async/key_lock.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/exchange.h"

namespace berth::registry {

// How one host wants to be asked, and the tokens it takes. Io thread only.
class Authorizer {
 public:
    // A token server is judged by `host`'s scheme, and spoken to with its certificates. All references
    // outlive the authorizer.
    Authorizer(IoContext& io, const RegistrySettings& settings, RegistryHost host, Credentials credentials);

    // The Authorization header of a request that has to be allowed `scope` ("repository:x:pull"); "" as long
    // as the host has not asked for one. kUnauthorized: "authorization failed: no basic auth credentials" and
    // the like.
    Async<Result<std::string>> header(std::string scope);
    // What may be said unasked: the user's name and password, "" without them.
    std::string volunteer() const {
        return credentials_.username.empty() ? std::string() : basic_authorization(credentials_);
    }
    // Takes in the challenges of a 401 to a request that went out with `used`. false: there is nothing else
    // that could be said.
    bool learn(const http::Headers& headers, const std::string& used, const std::string& scope);

    // From now on tokens are asked for together with a refresh token, as a login does.
    void want_refresh_token() { offline_ = true; }
    // The last one that came; "" for none.
    const std::string& refresh_token() const { return refresh_token_; }

 private:
    struct Token {
        std::string text;
        std::chrono::steady_clock::time_point until;
    };
    Async<Result<std::string>> bearer(std::string scope);
    Async<Result<Token>> fetch(std::string scope);
    Async<Result<http::ClientResponse>> ask(std::string scope);
    Async<Result<http::ClientResponse>> by_get(std::string scope);
    Async<Result<http::ClientResponse>> by_post(std::string scope);
    Result<> trust(const std::string& realm) const;

    IoContext& io_;
    const RegistrySettings& settings_;
    RegistryHost host_;
    Credentials credentials_;
    Challenge challenge_;
    bool asked_ = false, offline_ = false;
    std::string refresh_token_;
    std::map<std::string, Token> tokens_;  // by scope
    async::KeyLock fetching_;              // one fetch a scope at a time
};

}  // namespace berth::registry
