#include <fmt/format.h>
#include <unistd.h>

#include "cli/client/stream_session.h"
#include "cli/commands/containers.h"
#include "cli/commands/variables.h"
#include "cli/term/terminal.h"
#include "engine/async/spawn.h"

namespace berth::cli {

namespace {

struct ExecOptions {
    bool detach = false, interactive = false, privileged = false, tty = false;
    std::string detach_keys, user, workdir;
    std::vector<std::string> env, env_files;

    void add_to(Flags& flags) {
        flags.toggle("detach,d", &detach, "Detached mode: run command in the background");
        flags.text("detach-keys", &detach_keys, "string",
                   "Override the key sequence for detaching a container");
        flags.list("env,e", &env, "Set environment variables");
        flags.list("env-file", &env_files, "Read in a file of environment variables");
        flags.toggle("interactive,i", &interactive, "Keep STDIN open even if not attached");
        flags.toggle("privileged", &privileged, "Give extended privileges to the command");
        flags.toggle("tty,t", &tty, "Allocate a pseudo-TTY");
        flags.text("user,u", &user, "string", "Username or UID (format: \"<name|uid>[:<group|gid>]\")");
        flags.text("workdir,w", &workdir, "string", "Working directory inside the container");
    }

    Json console_size() const {
        auto size = tty ? terminal_size(STDOUT_FILENO) : std::nullopt;
        return size ? Json({size->rows, size->columns}) : Json();
    }

    Result<Json> body(const Arguments& command) const {
        Json out = {{"User", user},
                    {"Privileged", privileged},
                    {"Tty", tty},
                    {"Detach", detach},
                    {"DetachKeys", detach_keys},
                    {"WorkingDir", workdir},
                    {"Cmd", command},
                    {"AttachStdin", !detach && interactive},
                    {"AttachStdout", !detach},
                    {"AttachStderr", !detach}};
        BERTH_TRY(out["Env"], environment_of(env_files, env));
        if (Json size = console_size(); !size.is_null()) out["ConsoleSize"] = size;
        return out;
    }
};

// Start, streams, exit code.
Async<Result<int>> run_attached(Engine& engine, std::string id, ExecOptions options) {
    Json start = {{"Detach", false}, {"Tty", options.tty}};
    if (Json size = options.console_size(); !size.is_null()) start["ConsoleSize"] = size;
    auto opening = open_stream(engine, fmt::format("/exec/{}/start", id), start.dump());
    BERTH_CO_TRY(auto stream, co_await std::move(opening));
    StreamSession session{.tty = options.tty,
                          .input = options.interactive,
                          .detach_keys = options.detach_keys,
                          .resize_path = fmt::format("/exec/{}/resize", id)};
    BERTH_CO_TRY(bool detached, co_await run_streams(engine, std::move(stream), std::move(session)));
    if (detached) co_return 0;
    auto asking = simple_request(engine, "GET", fmt::format("/exec/{}/json", id));
    BERTH_CO_TRY(std::string text, co_await std::move(asking));
    Json inspected = Json::parse(text, nullptr, false);
    co_return inspected.is_object() ? static_cast<int>(number_of(inspected, "ExitCode")) : 0;
}

}  // namespace

int exec_command(Invocation& invocation, const Arguments& arguments) {
    ExecOptions options;
    Flags flags("exec [OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container",
                Flags::Order::kFirst);
    options.add_to(flags);
    Arguments words;
    int status = 0;
    if (!invocation.parse(flags, arguments, 2, kAny, words, status)) return status;
    if (options.tty && options.interactive && !options.detach && !is_terminal(STDIN_FILENO)) {
        warn("the input device is not a TTY\n");
        return 1;
    }
    auto body = options.body(Arguments(words.begin() + 1, words.end()));
    if (!body) return invocation.failed(body.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto created = (*engine)->post(fmt::format("/containers/{}/exec", words[0]), *body);
    if (!created) return invocation.failed(created.error());
    std::string id = text_of(*created, "Id");
    if (options.detach) {
        auto started =
            (*engine)->post(fmt::format("/exec/{}/start", id), Json{{"Detach", true}, {"Tty", options.tty}});
        return started ? 0 : invocation.failed(started.error());
    }
    auto code = async::block_on((*engine)->io(), run_attached(**engine, id, options));
    return code ? *code : invocation.failed(code.error());
}

}  // namespace berth::cli
