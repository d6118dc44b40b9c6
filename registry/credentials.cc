#include "registry/credentials.h"

#include <nlohmann/json.hpp>

#include "engine/base/base64.h"

namespace berth::registry {

namespace {

Credentials read(const nlohmann::json& json) {
    auto text = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Credentials out{text("username"), text("password"), text("registrytoken"), text("identitytoken"),
                    text("serveraddress")};
    // The form that config.json has: "auth" is base64 of "user:password".
    const auto pair = from_base64(text("auth"));
    if (out.username.empty() && pair && pair->find(':') != std::string::npos) {
        out.username = pair->substr(0, pair->find(':'));
        out.password = pair->substr(pair->find(':') + 1);
    }
    return out;
}

// "https://index.docker.io/v1/" is "index.docker.io".
std::string host_of(std::string server) {
    for (std::string_view scheme : {"http://", "https://"}) {
        if (server.starts_with(scheme)) server.erase(0, scheme.size());
    }
    return server.substr(0, server.find('/'));
}

}  // namespace

Credentials parse_registry_auth(std::string_view header) {
    const auto text = from_base64(header);
    const auto json = nlohmann::json::parse(text ? *text : std::string(), nullptr, false);
    return json.is_object() ? read(json) : Credentials();
}

Result<Credentials> parse_credentials(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return fail(ErrorKind::kInvalidArgument, "invalid JSON: not an object");
    return read(json);
}

Credentials credentials_for(const Credentials& credentials, const std::string& host,
                            const std::string& domain) {
    std::string meant = host_of(credentials.server.empty() ? domain : credentials.server);
    if (meant == "docker.io" || meant == "index.docker.io") meant = "registry-1.docker.io";
    return meant == host ? credentials : Credentials();
}

std::string basic_authorization(const Credentials& credentials) {
    return "Basic " + to_base64(credentials.username + ":" + credentials.password);
}

}  // namespace berth::registry
