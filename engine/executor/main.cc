// berth-runtime: an OCI runtime by runc's command line.
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/help.h"
#include "engine/executor/launch.h"
#include "engine/executor/report.h"
#include "engine/executor/self_seal.h"

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
    static const std::map<std::string_view, Command> table = {{"create", create_command},
                                                              {"run", run_command},
                                                              {"start", start_command},
                                                              {"state", state_command},
                                                              {"kill", kill_command},
                                                              {"delete", delete_command},
                                                              {"list", list_command},
                                                              {"pause", pause_command},
                                                              {"resume", resume_command},
                                                              {"exec", exec_command},
                                                              {"ps", ps_command},
                                                              {"update", update_command},
                                                              {"events", events_command},
                                                              {"spec", spec_command},
                                                              {"features", features_command},
                                                              {"checkpoint", checkpoint_command},
                                                              {"restore", restore_command}};
    return table;
}

int say(const std::string& text) {
    return write_all(STDOUT_FILENO, text) ? 0 : 1;
}

int refuse(const Options& options, std::string message) {
    report(options, {ErrorKind::kInvalidArgument, std::move(message), 0});
    return 1;
}

// "help", with a command behind it or without.
int help(const Options& options, const std::string& name) {
    std::string about = options.help                ? options.command
                        : options.arguments.empty() ? ""
                                                    : options.arguments[0];
    if (about.empty()) return say(usage_text(name));
    std::string text = command_usage(name, about);
    if (text.empty()) return refuse({}, "No help topic for '" + about + "'");
    return say(text);
}

int run(int argc, char** argv) {
    std::string name = own_name(argv[0]);
    auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
    if (!options) {
        report({}, options.error());
        return 1;
    }
    const std::string& command = options->command;
    if (command == "--version" || command == "-v") return say(version_text(name));
    bool asks =
        command.empty() || command == "--help" || command == "-h" || command == "help" || command == "h";
    if (asks || options->help) return help(*options, name);
    auto found = commands().find(command);
    if (found == commands().end()) return refuse({}, "No help topic for '" + command + "'");
    // Their processes become part of a container.
    if (command == "create" || command == "run" || command == "exec") {
        if (auto open = check_preserved_descriptors(*options); !open) {
            report(*options, open.error());
            return 1;
        }
        if (auto sealed = run_sealed(*options, argv); !sealed) {
            report(*options, sealed.error());
            return 1;
        }
        // It might lie among them.
        if (options->preserve_fds > 0 || std::getenv("LISTEN_FDS") != nullptr) close_seal();
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
    // A short life asks for its memory once, and gives it back by ending.
    ::mallopt(M_TOP_PAD, 512 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, -1);
    return argc > 0 ? berth::executor::run(argc, argv) : 1;
}
