#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/client/foreground.h"
#include "cli/commands/containers.h"
#include "cli/commands/create_options.h"
#include "cli/commands/images.h"
#include "cli/term/terminal.h"
#include "engine/base/files.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

// What docker's run exits with when the container could not be started: the runtime's words tell why.
int start_status(const std::string& message) {
    auto says = [&](std::string_view text) { return message.find(text) != std::string::npos; };
    if (says("executable file not found") || says("no such file or directory") ||
        says("system cannot find the file")) {
        return 127;
    }
    if (says("permission denied") || says("not a directory") || says("is a directory")) return 126;
    return 125;
}

int run_failed(const Invocation& invocation, const Error& error, int status = 125) {
    warn(fmt::format("{}: {}\n\nRun '{} run --help' for more information\n", invocation.program(),
                     error.message, invocation.program()));
    return status;
}

Result<std::string> create_container(Engine& engine, const Settings& settings, const CreateOptions& options,
                                     const Json& body) {
    std::string target = "/containers/create";
    char separator = '?';
    for (auto [key, text] : {std::pair("name", &options.name), std::pair("platform", &options.platform)}) {
        if (text->empty()) continue;
        target += fmt::format("{}{}={}", separator, key, http::encode_form(*text));
        separator = '&';
    }
    std::string image = text_of(body, "Image");
    if (options.pull == "always")
        BERTH_CHECK(pull_image(engine, settings, image, options.platform, options.quiet, STDERR_FILENO));
    auto created = engine.post(target, body);
    bool missing = !created && created.error().kind == ErrorKind::kNotFound &&
                   created.error().message.find("No such image") != std::string::npos;
    if (missing && options.pull == "missing") {
        bool tagged = image.find('@') != std::string::npos ||
                      image.find(':', image.rfind('/') + 1) != std::string::npos;
        if (!options.quiet)
            warn(fmt::format("Unable to find image '{}' locally\n", tagged ? image : image + ":latest"));
        BERTH_CHECK(pull_image(engine, settings, image, options.platform, options.quiet, STDERR_FILENO));
        created = engine.post(target, body);
    }
    if (!created) return Failure(created.error());
    for (const Json& warning :
         created->value("Warnings", Json()).is_array() ? (*created)["Warnings"] : Json::array()) {
        warn("WARNING: " + (warning.is_string() ? warning.get<std::string>() : warning.dump()) + "\n");
    }
    std::string id = text_of(*created, "Id");
    if (!options.cidfile.empty()) {
        BERTH_TRY(UniqueFd file, open_file(options.cidfile, O_WRONLY | O_CREAT | O_EXCL, 0644));
        BERTH_CHECK(write_all(file.get(), id));
    }
    return id;
}

// Which streams the foreground attaches: those named by -a, else all but an unasked-for stdin.
void choose_streams(CreateOptions& options, bool detach) {
    if (detach) return;
    auto named = [&](std::string_view name) {
        return std::any_of(options.attach.begin(), options.attach.end(), [&](std::string value) {
            std::transform(value.begin(), value.end(), value.begin(), ::tolower);
            return value == name;
        });
    };
    bool all = options.attach.empty();
    options.attach_input = named("stdin") || (all && options.interactive);
    options.attach_output = named("stdout") || all;
    options.attach_error = named("stderr") || all;
}

}  // namespace

int create_command(Invocation& invocation, const Arguments& arguments) {
    CreateOptions options;
    Flags flags("create [OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", Flags::Order::kFirst);
    options.add_to(flags);
    Arguments words;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, words, status)) return status;
    choose_streams(options, false);
    auto body = options.body(flags, words);
    if (!body) return run_failed(invocation, body.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto id = create_container(**engine, invocation.settings(), options, *body);
    if (!id) return invocation.failed(id.error());
    print(*id + "\n");
    return 0;
}

int run_command(Invocation& invocation, const Arguments& arguments) {
    CreateOptions options;
    bool detach = false, proxy = true;
    std::string detach_keys;
    Flags flags("run [OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image",
                Flags::Order::kFirst);
    options.add_to(flags);
    flags.toggle("detach,d", &detach, "Run container in background and print container ID");
    flags.toggle("sig-proxy", &proxy, "Proxy received signals to the process");
    flags.text("detach-keys", &detach_keys, "string", "Override the key sequence for detaching a container");
    Arguments words;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, words, status)) return status;
    if (detach && !options.attach.empty()) {
        return run_failed(invocation, {ErrorKind::kInvalidArgument,
                                       "conflicting options: cannot specify both --attach and --detach"});
    }
    choose_streams(options, detach);
    if (options.tty && options.attach_input && !is_terminal(STDIN_FILENO)) {
        warn("the input device is not a TTY\n");
        return 1;
    }
    auto body = options.body(flags, words);
    if (!body) return run_failed(invocation, body.error());
    auto engine = invocation.engine();
    if (!engine) return run_failed(invocation, engine.error());
    auto id = create_container(**engine, invocation.settings(), options, *body);
    if (!id) return run_failed(invocation, id.error());
    if (detach || !(options.attach_input || options.attach_output || options.attach_error)) {
        auto started = (*engine)->post(fmt::format("/containers/{}/start", *id));
        if (!started) return run_failed(invocation, started.error(), start_status(started.error().message));
        print(*id + "\n");
        return 0;
    }
    Foreground plan{.id = *id,
                    .tty = options.tty,
                    .input = options.attach_input,
                    .output = options.attach_output,
                    .error = options.attach_error,
                    .proxy_signals = proxy && !options.tty,
                    .start = true,
                    .remove = options.auto_remove,
                    .detach_keys = detach_keys};
    auto end = run_foreground(**engine, plan);
    if (!end) return run_failed(invocation, end.error(), start_status(end.error().message));
    return end->value_or(0);
}

int start_command(Invocation& invocation, const Arguments& arguments) {
    bool attach = false, interactive = false;
    std::string detach_keys;
    Flags flags("start [OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers");
    flags.toggle("attach,a", &attach, "Attach STDOUT/STDERR and forward signals");
    flags.toggle("interactive,i", &interactive, "Attach container's STDIN");
    flags.text("detach-keys", &detach_keys, "string", "Override the key sequence for detaching a container");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    if (!attach && !interactive) {
        return for_each_name(invocation, names, [](Engine& engine, const std::string& name) -> Result<> {
            BERTH_CHECK(engine.post(fmt::format("/containers/{}/start", name)));
            return {};
        });
    }
    if (names.size() > 1) {
        return invocation.failed(
            {ErrorKind::kInvalidArgument, "you cannot start and attach multiple containers at once"});
    }
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto inspected = (*engine)->get(fmt::format("/containers/{}/json", names[0]));
    if (!inspected) return invocation.failed(inspected.error());
    bool tty = inspected->value(Json::json_pointer("/Config/Tty"), false);
    bool input = interactive && inspected->value(Json::json_pointer("/Config/OpenStdin"), false);
    bool removed = inspected->value(Json::json_pointer("/HostConfig/AutoRemove"), false);
    auto end = run_foreground(**engine, {.id = text_of(*inspected, "Id"),
                                         .tty = tty,
                                         .input = input,
                                         .proxy_signals = !tty,
                                         .start = true,
                                         .remove = removed,
                                         .detach_keys = detach_keys});
    if (!end)
        return invocation.failed(
            end.error(), start_status(end.error().message) == 125 ? 1 : start_status(end.error().message));
    return end->value_or(0);
}

int attach_command(Invocation& invocation, const Arguments& arguments) {
    bool no_input = false, proxy = true;
    std::string detach_keys;
    Flags flags("attach [OPTIONS] CONTAINER",
                "Attach local standard input, output, and error streams to a running container");
    flags.toggle("no-stdin", &no_input, "Do not attach STDIN");
    flags.toggle("sig-proxy", &proxy, "Proxy all received signals to the process");
    flags.text("detach-keys", &detach_keys, "string", "Override the key sequence for detaching a container");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto inspected = (*engine)->get(fmt::format("/containers/{}/json", names[0]));
    if (!inspected) return invocation.failed(inspected.error());
    if (!inspected->value(Json::json_pointer("/State/Running"), false)) {
        return invocation.failed(
            {ErrorKind::kConflict, "cannot attach to a stopped container, start it first"});
    }
    bool tty = inspected->value(Json::json_pointer("/Config/Tty"), false);
    bool input = !no_input && inspected->value(Json::json_pointer("/Config/OpenStdin"), false);
    auto end = run_foreground(**engine, {.id = text_of(*inspected, "Id"),
                                         .tty = tty,
                                         .input = input,
                                         .proxy_signals = proxy && !tty,
                                         .detach_keys = detach_keys});
    return end ? end->value_or(0) : invocation.failed(end.error());
}

}  // namespace berth::cli
