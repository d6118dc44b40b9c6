#pragma once

#include <string>

#include "cli/client/credential_store.h"

namespace berth::cli {

// docker-credential-NAME, found in PATH: JSON on its standard input and output. The password "<token>" means
// that the secret is an identity token.
Result<StoredCredentials> helper_get(const std::string& name, const std::string& server);
Result<> helper_store(const std::string& name, const StoredCredentials& credentials);
Result<> helper_erase(const std::string& name, const std::string& server);

}  // namespace berth::cli
