// berth-runtime: an OCI runtime by runc's command line.
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/report.h"
#include "engine/executor/self_seal.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

Result<std::string> only_id(const Options& options, std::size_t least, std::size_t most) {
    std::size_t count = options.arguments.size();
    if (count >= least && count <= most) return options.arguments[0];
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("\"runc {}\" requires {} {} argument(s)", options.command,
                            least == most   ? "exactly"
                            : count < least ? "a minimum of"
                                            : "a maximum of",
                            count < least ? least : most));
}

namespace {

using Command = Result<> (*)(const Options&);

const std::map<std::string_view, Command>& commands() {
    static const std::map<std::string_view, Command> table = {
        {"create", create_command}, {"start", start_command},   {"state", state_command},
        {"kill", kill_command},     {"delete", delete_command}, {"list", list_command},
        {"pause", pause_command},   {"resume", resume_command}, {"exec", exec_command}};
    return table;
}

// Called by runc's name it is runc, to whoever asks.
std::string own_name(const char* path) {
    std::string name = path;
    name = name.substr(name.rfind('/') + 1);
    return name == "runc" ? "runc" : "berth-runtime";
}

int say(const std::string& text) {
    return write_all(STDOUT_FILENO, text) ? 0 : 1;
}

std::string usage(const std::string& name) {
    std::string out = fmt::format(
        "NAME:\n   {} - Open Container Initiative runtime\n\nUSAGE:\n   {} [global options] command "
        "[command options] [arguments...]\n\nCOMMANDS:\n",
        name, name);
    for (const auto& [command, run] : commands()) out += fmt::format("   {}\n", command);
    return out;
}

int run(int argc, char** argv) {
    std::string name = own_name(argv[0]);
    auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
    if (!options) {
        report({}, options.error());
        return 1;
    }
    const std::string& command = options->command;
    if (command == "--version" || command == "-v") {
        return say(fmt::format("{} version {}\nspec: {}\n", name, name == "runc" ? "1.3.0" : BERTH_VERSION,
                               oci::kRuntimeSpecVersion));
    }
    if (command.empty() || command == "--help" || command == "-h" || command == "help")
        return say(usage(name));
    auto found = commands().find(command);
    if (found == commands().end()) {
        report(*options,
               {ErrorKind::kNotImplemented, fmt::format("the command {} is not supported yet", command), 0});
        return 1;
    }
    // Their processes become part of a container.
    if (command == "create" || command == "exec") {
        if (auto sealed = run_from_sealed_copy(argv); !sealed) {
            report(*options, sealed.error());
            return 1;
        }
    }
    auto done = found->second(*options);
    if (done) return 0;
    report(*options, done.error());
    return command == "exec" ? 255 : 1;
}

}  // namespace

}  // namespace berth::executor

int main(int argc, char** argv) {
    ::umask(0022);
    return argc > 0 ? berth::executor::run(argc, argv) : 1;
}
