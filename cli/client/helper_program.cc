#include "cli/client/helper_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "engine/base/files.h"
#include "engine/sys/spawn.h"

extern char** environ;

namespace berth::cli {

namespace {

// What a helper says when it has nothing; it is no failure.
constexpr std::string_view kNothing = "credentials not found in native keychain";
constexpr std::string_view kTokenUser = "<token>";

Result<std::string> find_in_path(const std::string& program) {
    const char* variable = std::getenv("PATH");
    std::string path = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find(':', at), path.size());
        const std::string candidate = path.substr(at, end - at) + "/" + program;
        if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
        at = end + 1;
    }
    return fail(ErrorKind::kNotFound,
                fmt::format("exec: \"{}\": executable file not found in $PATH", program));
}

// Runs the helper with `input`; what it prints. A failure's text is what it printed.
Result<std::string> run(const std::string& name, const std::string& action, const std::string& input) {
    BERTH_TRY(const auto path, find_in_path("docker-credential-" + name));
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd their_input(in[0]), our_input(in[1]);
    if (::pipe2(out, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd our_output(out[0]), their_output(out[1]);
    sys::SpawnOptions options;
    options.argv = {path, action};
    for (char** variable = environ; *variable != nullptr; ++variable) options.env.emplace_back(*variable);
    options.fds = {their_input.get(), their_output.get(), STDERR_FILENO};
    BERTH_TRY(auto child, sys::spawn(options));
    their_input.reset();
    their_output.reset();
    // A helper that reads nothing is found out by its exit status.
    (void)write_all(our_input.get(), input).has_value();
    our_input.reset();
    auto printed = read_all(our_output.get(), 1 << 20);
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!printed) return printed;
    while (!printed->empty() && printed->back() == '\n') printed->pop_back();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return printed;
    return fail(ErrorKind::kInternal, *printed);
}

}  // namespace

Result<StoredCredentials> helper_get(const std::string& name, const std::string& server) {
    auto printed = run(name, "get", server);
    if (!printed && printed.error().message.find(kNothing) != std::string::npos)
        return StoredCredentials{.server = server};
    if (!printed) return in("error getting credentials", Result<StoredCredentials>(Failure(printed.error())));
    const Json answer = Json::parse(*printed, nullptr, false);
    if (!answer.is_object()) return fail(ErrorKind::kInternal, "error getting credentials: invalid JSON");
    StoredCredentials out{.server = server};
    if (text_of(answer, "Username") == kTokenUser) {
        out.identity_token = text_of(answer, "Secret");
    } else {
        out.username = text_of(answer, "Username");
        out.password = text_of(answer, "Secret");
    }
    return out;
}

Result<> helper_store(const std::string& name, const StoredCredentials& credentials) {
    const bool token = !credentials.identity_token.empty();
    const Json input = {{"ServerURL", credentials.server},
                        {"Username", token ? std::string(kTokenUser) : credentials.username},
                        {"Secret", token ? credentials.identity_token : credentials.password}};
    auto printed = run(name, "store", input.dump());
    if (!printed) return Failure(std::move(printed.error()).in("error storing credentials"));
    return {};
}

Result<> helper_erase(const std::string& name, const std::string& server) {
    auto printed = run(name, "erase", server);
    if (printed || printed.error().message.find(kNothing) != std::string::npos) return {};
    return Failure(std::move(printed.error()).in("error erasing credentials"));
}

}  // namespace berth::cli
