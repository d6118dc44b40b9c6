// berth: finds the command, hands over the rest of the line.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "cli/commands/command.h"

namespace {

using namespace berth;
using namespace berth::cli;

std::string overview(const std::string& program) {
    std::string out =
        fmt::format("\nUsage:  {} [OPTIONS] COMMAND\n\nA container engine\n\nCommands:\n", program);
    for (const Command& command : commands()) {
        if (!command.summary.empty()) out += fmt::format("  {:<16} {}\n", command.name, command.summary);
    }
    return out + fmt::format("\nRun '{} COMMAND --help' for more information on a command.\n", program);
}

const Command* find(std::string_view name) {
    auto all = commands();
    auto found =
        std::find_if(all.begin(), all.end(), [&](const Command& command) { return command.name == name; });
    return found == all.end() ? nullptr : &*found;
}

int dispatch(const std::string& program, Settings settings, const Arguments& words) {
    Invocation invocation(program, std::move(settings));
    const Command* command = find(words[0]);
    std::size_t used = 1;
    if (command == nullptr && words.size() > 1) {
        command = find(words[0] + " " + words[1]);
        used = 2;
    }
    if (command == nullptr) {
        warn(fmt::format("{}: unknown command: {} {}\n\nRun '{} --help' for more information\n", program,
                         program, words[0], program));
        return 1;
    }
    return command->run(invocation,
                        Arguments(words.begin() + static_cast<std::ptrdiff_t>(used), words.end()));
}

int run(const std::string& program, const Arguments& arguments) {
    std::string host, context, config, level;
    bool debug = false, version = false;
    Flags flags("[OPTIONS] COMMAND", "A container engine", Flags::Order::kFirst);
    flags.text("host,H", &host, "string", "Daemon socket to connect to");
    flags.text("context,c", &context, "string", "Name of the context to use to connect to the daemon");
    flags.text("config", &config, "string", "Location of client config files");
    flags.text("log-level,l", &level, "string", "Set the logging level");
    flags.toggle("debug,D", &debug, "Enable debug mode");
    flags.toggle("version,v", &version, "Print version information and quit");
    auto words = flags.parse(arguments);
    if (!words) {
        warn(fmt::format("{}\n\nRun '{} --help' for more information\n", words.error().message, program));
        return 125;
    }
    if (version) {
        print(fmt::format("Berth version {}\n", BERTH_VERSION));
        return 0;
    }
    if (flags.help_wanted() || words->empty() || words->front() == "help") {
        print(overview(program));
        return 0;
    }
    auto settings = find_settings(host, context, config);
    if (!settings) {
        warn(settings.error().message + "\n");
        return 1;
    }
    return dispatch(program, std::move(*settings), *words);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::string program = argc > 0 ? argv[0] : "berth";
    program = program.substr(program.rfind('/') + 1);
    int status = run(program, Arguments(argv + std::min(argc, 1), argv + argc));
    // A thread may still be reading standard input: it must not hold up the end.
    ::_exit(status);
}
