#include "cli/client/credential_store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client/helper_program.h"
#include "engine/base/base64.h"
#include "engine/base/files.h"

namespace berth::cli {

namespace {

StoredCredentials from_entry(const std::string& server, const Json& entry) {
    StoredCredentials out{text_of(entry, "username"), text_of(entry, "password"),
                          text_of(entry, "identitytoken"), text_of(entry, "registrytoken"), server};
    const auto pair = from_base64(text_of(entry, "auth"));
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) return out;
    out.username = pair->substr(0, colon);
    out.password = pair->substr(colon + 1);
    while (!out.password.empty() && out.password.back() == '\0') out.password.pop_back();
    return out;
}

}  // namespace

std::string hostname_of(std::string server) {
    if (auto mark = server.find("://"); mark != std::string::npos) server.erase(0, mark + 3);
    return server.substr(0, server.find('/'));
}

std::string credential_key(const std::string& image) {
    const auto slash = image.find('/');
    const auto first = image.substr(0, slash);
    const bool host = slash != std::string::npos &&
                      (first.find_first_of(".:") != std::string::npos || first == "localhost");
    const bool hub = !host || first == "docker.io" || first == "index.docker.io";
    return hub ? kHubKey : first;
}

Result<Json> CredentialStore::read() const {
    auto text = read_file(file_);
    if (!text && text.error().kind == ErrorKind::kNotFound) return Json(Json::object());
    if (!text) return Failure(std::move(text.error()));
    Json config = Json::parse(*text, nullptr, false);
    if (text->find_first_not_of(" \t\r\n") == std::string::npos) config = Json::object();
    if (!config.is_object())
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("parsing config file ({}): not a JSON object", file_));
    return config;
}

// A file that is a link stays one: what it leads to is replaced.
Result<> CredentialStore::write(const Json& config) const {
    BERTH_CHECK(make_folders(file_.substr(0, file_.rfind('/')), 0700));
    std::string target = file_;
    char resolved[4096];
    if (::realpath(file_.c_str(), resolved) != nullptr) target = resolved;
    struct stat status{};
    const mode_t mode = ::stat(target.c_str(), &status) == 0 ? status.st_mode & 0777 : 0600;
    return replace_file(target, config.dump(1, '\t'), mode, Sync::kData);
}

std::string CredentialStore::helper_for(const Json& config, const std::string& server) {
    if (config.contains("credHelpers") && config["credHelpers"].is_object()) {
        if (const auto name = text_of(config["credHelpers"], server.c_str()); !name.empty()) return name;
    }
    return text_of(config, "credsStore");
}

Result<StoredCredentials> CredentialStore::get(const std::string& server) {
    BERTH_TRY(const Json config, read());
    if (const auto helper = helper_for(config, server); !helper.empty()) return helper_get(helper, server);
    const Json auths = config.value("auths", Json::object());
    if (!auths.is_object()) return StoredCredentials{.server = server};
    if (auths.contains(server)) return from_entry(server, auths[server]);
    // Older clients kept them under the whole URL.
    for (const auto& [key, entry] : auths.items()) {
        if (hostname_of(key) == server) return from_entry(server, entry);
    }
    return StoredCredentials{.server = server};
}

Result<bool> CredentialStore::put(const StoredCredentials& credentials) {
    BERTH_TRY(Json config, read());
    if (const auto helper = helper_for(config, credentials.server); !helper.empty()) {
        BERTH_CHECK(helper_store(helper, credentials));
        return false;
    }
    Json entry = Json::object();
    entry["auth"] = to_base64(credentials.username + ":" + credentials.password);
    if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
    if (!config.contains("auths") || !config["auths"].is_object()) config["auths"] = Json::object();
    const bool known =
        config["auths"].contains(credentials.server) && config["auths"][credentials.server] == entry;
    if (known) return false;
    config["auths"][credentials.server] = std::move(entry);
    BERTH_CHECK(write(config));
    return !credentials.password.empty();
}

Result<> CredentialStore::erase(const std::string& server) {
    BERTH_TRY(Json config, read());
    if (const auto helper = helper_for(config, server); !helper.empty()) return helper_erase(helper, server);
    if (!config.contains("auths") || !config["auths"].is_object()) return {};
    if (config["auths"].erase(server) == 0) return {};
    return write(config);
}

std::string registry_auth(const StoredCredentials& credentials) {
    Json out = Json::object();
    auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) out[name] = value;
    };
    add("username", credentials.username);
    add("password", credentials.password);
    if (!credentials.empty()) add("serveraddress", credentials.server);
    add("identitytoken", credentials.identity_token);
    add("registrytoken", credentials.registry_token);
    return to_base64(out.dump(-1, ' ', false, Json::error_handler_t::replace), Base64::kUrl);
}

std::string registry_auth_for(const Settings& settings, const std::string& image) {
    const auto credentials = CredentialStore(settings).get(credential_key(image));
    return registry_auth(credentials ? *credentials : StoredCredentials());
}

}  // namespace berth::cli
