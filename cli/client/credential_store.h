#pragma once

#include <string>
#include <vector>

#include "cli/client/settings.h"
#include "cli/json.h"

namespace berth::cli {

// Docker Hub's place among the credentials, and what a login without a server means.
inline constexpr const char* kHubKey = "https://index.docker.io/v1/";

struct StoredCredentials {
    std::string username, password, identity_token, registry_token;
    std::string server;  // the key they are kept under
    bool empty() const { return username.empty() && identity_token.empty() && registry_token.empty(); }
};

// The credentials of docker's config.json: in itself ("auths"), or with the program that "credsStore" or
// "credHelpers" names (docker-credential-NAME).
class CredentialStore {
 public:
    explicit CredentialStore(const Settings& settings) : file_(settings.config_dir + "/config.json") {}

    // Empty ones when there are none.
    Result<StoredCredentials> get(const std::string& server);
    // Returns whether they are kept in the file, unencrypted.
    Result<bool> put(const StoredCredentials& credentials);
    Result<> erase(const std::string& server);
    const std::string& file() const { return file_; }

 private:
    Result<Json> read() const;
    Result<> write(const Json& config) const;
    static std::string helper_for(const Json& config, const std::string& server);

    std::string file_;
};

// "https://host:1/v1/" is "host:1".
std::string hostname_of(std::string server);
// The key of the registry that an image's name (or a search term) leads to.
std::string credential_key(const std::string& image);

// The X-Registry-Auth header for them.
std::string registry_auth(const StoredCredentials& credentials);
// That of an image's registry; nobody's where there are no credentials or they cannot be read.
std::string registry_auth_for(const Settings& settings, const std::string& image);

}  // namespace berth::cli
