#include "cli/commands/registry.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <iterator>

#include "cli/client/credential_store.h"
#include "cli/commands/platforms.h"
#include "cli/output/progress.h"
#include "cli/output/table.h"
#include "cli/term/terminal.h"
#include "engine/base/files.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

Failure wrong(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// All of standard input without the line's end that an editor or echo adds.
Result<std::string> secret_from_stdin() {
    BERTH_TRY(std::string secret, read_all(STDIN_FILENO, 1 << 20));
    for (std::string_view end : {"\r\n", "\n", "\r"}) {
        if (!secret.ends_with(end)) continue;
        secret.resize(secret.size() - end.size());
        break;
    }
    return secret;
}

// A line from the terminal; `hidden`: what is typed is not shown.
Result<std::string> ask(const std::string& prompt, bool hidden) {
    print(prompt);
    termios before{};
    const bool quiet = hidden && ::tcgetattr(STDIN_FILENO, &before) == 0;
    if (quiet) {
        termios silent = before;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    std::string line;
    char c = 0;
    ssize_t got = 0;
    while ((got = ::read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') line += c;
    if (quiet) {
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        print("\n");
    }
    if (got < 0) return fail_errno("read");
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    return line;
}

struct LoginOptions {
    std::string server, username, password;
    bool password_stdin = false;
};

Result<> check(const Flags& flags, const LoginOptions& options) {
    const bool dash = options.password == "-";
    if (options.password_stdin || dash) {
        if (flags.changed("password") && !dash)
            return wrong("conflicting options: cannot specify both --password and --password-stdin");
        if (!flags.changed("username"))
            return wrong("the --password-stdin option requires --username to be set");
    }
    if (flags.changed("username") && options.username.empty()) return wrong("username is empty");
    if (flags.changed("password") && options.password.empty()) return wrong("password is empty");
    return {};
}

Result<> complete(LoginOptions& options) {
    if (options.password == "-") {
        options.password.clear();
        options.password_stdin = true;
    }
    if (!options.password.empty())
        warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    if (!options.password_stdin) return {};
    BERTH_TRY(options.password, secret_from_stdin());
    if (options.password.find_first_not_of(" \t\r\n") == std::string::npos) return wrong("password is empty");
    return {};
}

Result<std::string> log_in(Engine& engine, CredentialStore& store, StoredCredentials credentials) {
    Json body = {{"username", credentials.username},
                 {"password", credentials.password},
                 {"serveraddress", credentials.server}};
    if (!credentials.identity_token.empty()) body["identitytoken"] = credentials.identity_token;
    BERTH_TRY(const Json answer, engine.post("/auth", std::move(body)));
    if (const auto token = text_of(answer, "IdentityToken"); !token.empty()) {
        credentials.password.clear();
        credentials.identity_token = token;
    }
    BERTH_TRY(const bool unencrypted, store.put(credentials));
    if (unencrypted) {
        warn(
            fmt::format("\nWARNING! Your credentials are stored unencrypted in '{}'.\n"
                        "Configure a credential helper to remove this warning. See\n"
                        "https://docs.docker.com/go/credential-store/\n\n",
                        store.file()));
    }
    return text_of(answer, "Status");
}

Result<std::string> log_in_again(Engine& engine, CredentialStore& store,
                                 const StoredCredentials& credentials) {
    warn("Authenticating with existing credentials...");
    if (!credentials.username.empty()) warn(fmt::format(" [Username: {}]", credentials.username));
    warn("\n");
    auto status = log_in(engine, store, credentials);
    if (!status) warn(fmt::format("Login did not succeed, error: {}\n", status.error().message));
    return status;
}

Result<std::string> run_login(Engine& engine, const Settings& settings, LoginOptions options) {
    CredentialStore store(settings);
    const bool hub = options.server.empty() || options.server == "docker.io";
    StoredCredentials credentials{.server = hub ? kHubKey : hostname_of(options.server)};
    if (options.username.empty() && options.password.empty()) {
        BERTH_TRY(credentials, store.get(credentials.server));
        if (!credentials.empty()) {
            auto status = log_in_again(engine, store, credentials);
            if (status) return status;
        }
    }
    const bool complete = !options.username.empty() && !options.password.empty();
    if (!complete && !is_terminal(STDIN_FILENO))
        return wrong("Error: Cannot perform an interactive login from a non TTY device");
    if (options.username.empty()) {
        const auto known = credentials.username;
        BERTH_TRY(options.username,
                  ask(known.empty() ? "Username: " : fmt::format("Username ({}): ", known), false));
        if (options.username.empty()) options.username = known;
        if (options.username.empty()) return wrong("error: username is required");
    }
    if (options.password.empty()) {
        BERTH_TRY(options.password, ask("Password: ", true));
        if (options.password.empty()) return wrong("error: password is required");
    }
    return log_in(engine, store,
                  {.username = options.username, .password = options.password, .server = credentials.server});
}

}  // namespace

int login_command(Invocation& invocation, const Arguments& arguments) {
    LoginOptions options;
    Flags flags("login [OPTIONS] [SERVER]",
                "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.");
    flags.text("username,u", &options.username, "string", "Username");
    flags.text("password,p", &options.password, "string", "Password or Personal Access Token (PAT)");
    flags.toggle("password-stdin", &options.password_stdin,
                 "Take the Password or Personal Access Token (PAT) from stdin");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 1, names, status)) return status;
    if (!names.empty()) options.server = names[0];
    auto ready = check(flags, options);
    if (ready) ready = complete(options);
    if (!ready) return invocation.failed(ready.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto said = run_login(**engine, invocation.settings(), std::move(options));
    if (!said) return invocation.failed(said.error());
    if (!said->empty()) print(*said + "\n");
    return 0;
}

int logout_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("logout [SERVER]",
                "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 1, names, status)) return status;
    const std::string server = names.empty() ? kHubKey : names[0];
    const std::string host = names.empty() ? server : hostname_of(server);
    print("Removing login credentials for " + host + "\n");
    Arguments keys{server};
    // Earlier clients wrote them down in any of these ways.
    if (!names.empty()) {
        for (const std::string& key : {host, "http://" + host, "https://" + host}) {
            if (key != server) keys.push_back(key);
        }
    }
    CredentialStore store(invocation.settings());
    std::string errors;
    std::size_t failures = 0;
    for (const auto& key : keys) {
        auto erased = store.erase(key);
        if (erased) continue;
        errors += fmt::format("{}: {}\n", key, erased.error().message);
        ++failures;
    }
    if (failures == keys.size()) warn("WARNING: could not erase credentials:\n" + errors);
    return 0;
}

int push_command(Invocation& invocation, const Arguments& arguments) {
    bool all = false, quiet = false;
    std::string platform;
    Flags flags("push [OPTIONS] NAME[:TAG]", "Upload an image to a registry");
    flags.toggle("all-tags,a", &all, "Push all tags of an image to the repository");
    flags.toggle("quiet,q", &quiet, "Suppress verbose output");
    flags.text("platform", &platform, "string",
               "Push a platform-specific manifest as a single-platform image to the registry");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    std::string name = names[0], tag;
    const auto colon = name.rfind(':');
    if (colon != std::string::npos && name.find('/', colon) == std::string::npos) {
        tag = name.substr(colon + 1);
        name.resize(colon);
    }
    if (all && !tag.empty()) return invocation.failed(wrong("tag can't be used with --all-tags/-a").value());
    if (!all && tag.empty()) {
        tag = "latest";
        if (!quiet) print("Using default tag: latest\n");
    }
    auto wanted = platform_query(platform);
    if (!wanted) return invocation.failed(wanted.error());
    const std::string target = fmt::format("/images/{}/push?tag={}{}", name, http::encode_form(tag), *wanted);
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    http::Headers headers;
    headers.set("X-Registry-Auth", registry_auth_for(invocation.settings(), names[0]));
    ProgressView view(STDOUT_FILENO, is_terminal(STDOUT_FILENO), quiet);
    auto pushed = (*engine)->stream("POST", target, std::move(headers), -1,
                                    [&](std::string_view bytes) { return view.write(bytes); });
    if (!pushed) return invocation.failed(pushed.error());
    if (quiet) {
        const bool bare = name.find('/') == std::string::npos;
        print((bare ? "docker.io/library/" : "") + name + (tag.empty() ? "" : ":" + tag) + "\n");
    }
    return 0;
}

int search_command(Invocation& invocation, const Arguments& arguments) {
    bool whole = false;
    std::int64_t limit = 0;
    std::string format;
    std::vector<std::string> filters;
    Flags flags("search [OPTIONS] TERM", "Search Docker Hub for images");
    flags.list("filter,f", &filters, "Filter output based on conditions provided");
    flags.text("format", &format, "string", "Pretty-print search using a Go template");
    flags.number("limit", &limit, "Max number of search results");
    flags.toggle("no-trunc", &whole, "Don't truncate output");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    std::string target = "/images/search?term=" + http::encode_form(names[0]) + "&filters=" + *encoded;
    if (limit != 0) target += fmt::format("&limit={}", limit);
    http::Headers headers;
    headers.set("X-Registry-Auth", registry_auth_for(invocation.settings(), names[0]));
    std::string body;
    auto found = (*engine)->stream("GET", target, std::move(headers), -1, [&](std::string_view bytes) {
        body += bytes;
        return Result<>();
    });
    if (!found) return invocation.failed(found.error());
    const Json answer = Json::parse(body, nullptr, false);
    std::vector<Json> rows;
    for (const Json& item : answer.is_array() ? answer : Json::array()) {
        std::string description = text_of(item, "description");
        for (char& c : description) {
            if (c == '\n' || c == '\r') c = ' ';
        }
        if (!whole && description.size() > 45) description = description.substr(0, 44) + "…";
        rows.push_back({{"Name", text_of(item, "name")},
                        {"Description", description},
                        {"StarCount", std::to_string(number_of(item, "star_count"))},
                        {"IsOfficial", item.value("is_official", Json()) == true ? "[OK]" : ""}});
    }
    return print_rows(invocation, rows, format, [&] {
        Table table({"NAME", "DESCRIPTION", "STARS", "OFFICIAL"});
        for (const Json& row : rows) {
            table.add({text_of(row, "Name"), text_of(row, "Description"), text_of(row, "StarCount"),
                       text_of(row, "IsOfficial")});
        }
        return table.text();
    });
}

}  // namespace berth::cli
