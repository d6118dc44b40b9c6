#pragma once

#include <memory>
#include <optional>
#include <string>

#include "registry/authorizer.h"

namespace berth::registry {

struct WireRequest {
    std::string method = "GET";
    std::string target;  // "/v2/x/manifests/1", or an absolute URL that the registry gave
    http::Headers headers;
    std::string body;
    http::BodySource* stream = nullptr;  // sent twice only if it can be rewound
    std::string scope;                   // what a token has to allow
    bool volunteer = false;              // the user's name and password go along unasked
    bool gives_up = false;               // at a broken line: the caller tries again itself
    // What sends no body has to be answered by then; without one it has the settings' patience.
    std::optional<Deadline> deadline;
};

// Requests to one registry host: TLS or plain by its rules, authorized when it asks for that, redirects
// followed (by other methods than GET and HEAD those that keep the method), tried again (GET and HEAD) when
// it is too busy or the line breaks, but not beyond the deadline, which any answer renews. Credentials are
// sent to the host itself and to nobody else. Io thread only; several requests may be under way.
class Wire {
 public:
    // Finds out whether a host that need not speak TLS does. `io` outlives the wire.
    static Async<Result<std::shared_ptr<Wire>>> open(IoContext& io, Settings settings, RegistryHost host,
                                                     Credentials credentials);

    // An answer of whatever status. Errors: the line's, with `Get "URL"` in front as Go has it, and
    // authorization's.
    Async<Result<http::ClientResponse>> send(WireRequest request);
    // "https://host" and the path of a request, for texts.
    std::string url(const std::string& target) const;
    const RegistryHost& host() const { return host_; }
    const RegistrySettings& settings() const { return *settings_; }
    Authorizer& authorizer() { return authorizer_; }

    Wire(IoContext& io, Settings settings, RegistryHost host, Credentials credentials,
         http::Endpoint endpoint, http::ClientOptions options);

 private:
    Async<Result<http::ClientResponse>> persist(WireRequest& request);
    Async<Result<http::ClientResponse>> authorized(WireRequest& request);
    Async<Result<http::ClientResponse>> once(const WireRequest& request, std::string authorization);
    Async<Result<http::ClientResponse>> ask(const WireRequest& request, http::ClientRequest out);
    Async<Result<http::ClientResponse>> follow(http::ClientResponse response, const WireRequest& request);
    bool is_own(const std::string& url) const;

    IoContext& io_;
    Settings settings_;
    RegistryHost host_;
    Authorizer authorizer_;
    http::Client client_;
    std::optional<Deadline> opening_;  // of the first request, when finding out was in vain
};

}  // namespace berth::registry
