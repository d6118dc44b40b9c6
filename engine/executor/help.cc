#include "engine/executor/help.h"

#include <fmt/format.h>
#include <seccomp.h>

#include <algorithm>

#include "engine/oci/runtime_spec.h"

namespace berth::executor {

namespace {

struct About {
    const char* command;
    const char* summary;
    const char* arguments;
    const char* description;
};

constexpr About kCommands[] = {
    {"checkpoint", "checkpoint a running container", "<container-id>",
     "Saves the state of the container by criu."},
    {"create", "create a container", "<container-id>",
     "Creates the container of a bundle: its process is set up and waits for start."},
    {"delete", "delete any resources held by the container often used with detached container",
     "<container-id>", ""},
    {"events", "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
     "<container-id>",
     "Displays information about the container, once every 5 seconds unless --interval says otherwise."},
    {"exec", "execute new process inside the container",
     "<container-id> <command> [command options]  || -p process.json <container-id>", ""},
    {"features", "show the enabled features", "", "The result is JSON; see the specification's features.md."},
    {"kill", "kill sends the specified signal (default: SIGTERM) to the container's init process",
     "<container-id> [signal]", ""},
    {"list", "lists containers started by runc with the given root", "", ""},
    {"pause", "pause suspends all processes inside the container", "<container-id>", ""},
    {"ps", "ps displays the processes running inside a container", "<container-id> [ps options]", ""},
    {"restore", "restore a container from a previous checkpoint", "<container-id>",
     "Restores the saved state of the container by criu."},
    {"resume", "resumes all processes that have been previously paused", "<container-id>", ""},
    {"run", "create and run a container", "<container-id>",
     "Creates and starts a container, and stays with it unless detached."},
    {"spec", "create a new specification file", "",
     "Writes a config.json to start from into the bundle's folder."},
    {"start", "executes the user defined process in a created container", "<container-id>", ""},
    {"state", "output the state of a container", "<container-id>", ""},
    {"update", "update container resource constraints", "<container-id>", ""},
};

std::string options_text(const std::vector<Flag>& flags) {
    std::vector<std::string> heads;
    std::size_t width = 0;
    for (const Flag& flag : flags) {
        std::string head;
        for (std::size_t at = 0; at < flag.names.size();) {
            auto end = std::min(flag.names.find(", ", at), flag.names.size());
            std::string name = flag.names.substr(at, end - at);
            at = end + 2;
            head += (head.empty() ? "" : ", ") + std::string(name.size() == 1 ? "-" : "--") + name;
            if (flag.takes_value) head += " value";
        }
        width = std::max(width, head.size());
        heads.push_back(std::move(head));
    }
    std::string out;
    for (std::size_t i = 0; i < flags.size(); ++i)
        out += fmt::format("   {:<{}}  {}\n", heads[i], width, flags[i].usage);
    return out;
}

}  // namespace

std::string own_name(const char* path) {
    std::string name = path;
    name = name.substr(name.rfind('/') + 1);
    return name == "runc" ? "runc" : "berth-runtime";
}

std::string version_text(const std::string& name) {
    const scmp_version* seccomp = ::seccomp_version();
    return fmt::format("{} version {}\ncommit: berth-{}\nspec: {}\nlibseccomp: {}.{}.{}\n", name,
                       name == "runc" ? "1.3.0" : BERTH_VERSION, BERTH_VERSION, oci::kRuntimeSpecVersionMax,
                       seccomp->major, seccomp->minor, seccomp->micro);
}

std::string usage_text(const std::string& name) {
    std::string out = fmt::format(
        "NAME:\n   {} - Open Container Initiative runtime\n\nUSAGE:\n   {} [global options] command [command "
        "options] "
        "[arguments...]\n\nVERSION:\n   {}\n\nCOMMANDS:\n",
        name, name, name == "runc" ? "1.3.0" : BERTH_VERSION);
    for (const About& about : kCommands) out += fmt::format("   {:<10}  {}\n", about.command, about.summary);
    Options options;
    return out + "   help, h     Shows a list of commands or help for one command\n\nGLOBAL OPTIONS:\n" +
           options_text(global_flags(options)) +
           "   --help, -h     show help\n   --version, -v  print the version\n";
}

std::string command_usage(const std::string& name, const std::string& command) {
    auto about = std::find_if(std::begin(kCommands), std::end(kCommands),
                              [&](const About& one) { return command == one.command; });
    if (about == std::end(kCommands)) return {};
    Options options;
    options.command = command;
    auto flags = command_flags(options);
    std::string out =
        fmt::format("NAME:\n   {} {} - {}\n\nUSAGE:\n   {} {}{} {}\n", name, command, about->summary, name,
                    command, flags.empty() ? "" : " [command options]", about->arguments);
    if (*about->description != '\0') out += fmt::format("\nDESCRIPTION:\n   {}\n", about->description);
    if (!flags.empty()) out += "\nOPTIONS:\n" + options_text(flags);
    return out;
}

}  // namespace berth::executor
