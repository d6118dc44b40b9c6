#include "registry/login.h"

#include <fmt/format.h>

namespace berth::registry {

namespace {

// What a token server said about a refusal, or the usual words.
std::string reason(const std::string& message) {
    const auto at = message.find(": unauthorized: ");
    return at == std::string::npos ? "authentication required" : message.substr(at + 16);
}

std::string domain_of(std::string server) {
    if (server.empty()) return "docker.io";
    for (std::string_view scheme : {"http://", "https://"}) {
        if (server.starts_with(scheme)) server.erase(0, scheme.size());
    }
    return server.substr(0, server.find('/'));
}

}  // namespace

Async<Result<LoginAnswer>> log_in(IoContext& io, async::BlockingPool& pool, Settings settings,
                                  Credentials credentials) {
    const std::string domain = domain_of(credentials.server);
    auto find = [&] { return find_hosts(*settings, domain, Purpose::kPush); };
    auto found = co_await pool.run(find);
    if (!found) co_return fail(ErrorKind::kInvalidArgument, found.error().message);
    RegistryHost host = found->front();
    credentials = credentials_for(credentials, host.authority, domain);
    BERTH_CO_TRY(auto wire, co_await Wire::open(io, settings, std::move(host), std::move(credentials)));
    wire->authorizer().want_refresh_token();
    WireRequest asking{.target = "/v2/"};
    auto response = co_await wire->send(std::move(asking));
    const std::string url = wire->url("/v2/");
    if (!response && response.error().kind == ErrorKind::kUnauthorized) {
        const auto& message = response.error().message;
        if (message.find("no basic auth") != std::string::npos)
            co_return fail(ErrorKind::kInternal, fmt::format("Get \"{}\": no basic auth credentials", url));
        co_return fail(ErrorKind::kUnauthorized,
                       fmt::format("Get \"{}\": unauthorized: {}", url, reason(message)));
    }
    if (!response) co_return fail(ErrorKind::kInternal, response.error().message);
    if (response->status != 200) {
        co_return fail(ErrorKind::kInternal, fmt::format("login attempt to {} failed with status: {}", url,
                                                         status_words(response->status)));
    }
    co_return LoginAnswer{"Login Succeeded", wire->authorizer().refresh_token()};
}

}  // namespace berth::registry
