#include "engine/executor/options.h"

#include <cstdlib>
#include <functional>
#include <map>

namespace berth::executor {

namespace {

struct Flag {
    bool takes_value = false;
    std::function<Result<>(const std::string&)> set;
};
using Flags = std::map<std::string, Flag, std::less<>>;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Flag text(std::string& target) {
    return {true, [&target](const std::string& value) -> Result<> {
                target = value;
                return {};
            }};
}

Flag toggle(bool& target) {
    return {false, [&target](const std::string& value) -> Result<> {
                target = value != "false";
                return {};
            }};
}

Flag refused(const char* why) {
    return {false, [why](const std::string& value) -> Result<> {
                if (value == "false") return {};
                return bad(why);
            }};
}

// Repeatable.
Flag list(std::vector<std::string>& target) {
    return {true, [&target](const std::string& value) -> Result<> {
                target.push_back(value);
                return {};
            }};
}

Flag count(int& target, const char* name) {
    return {true, [&target, name](const std::string& value) -> Result<> {
                char* end = nullptr;
                long number = std::strtol(value.c_str(), &end, 10);
                if (value.empty() || *end != '\0' || number < 0 || number > 1024)
                    return bad(std::string("invalid value for --") + name + ": " + value);
                target = static_cast<int>(number);
                return {};
            }};
}

Flag not_yet(const char* name) {
    return {true, [name](const std::string& value) -> Result<> {
                if (value.empty()) return {};
                return fail(ErrorKind::kNotImplemented, std::string("--") + name + " is not supported yet");
            }};
}

Flags exec_flags(Options& options) {
    Flags flags{{"process", text(options.process_file)},
                {"detach", toggle(options.detach)},
                {"tty", toggle(options.tty)},
                {"cwd", text(options.cwd)},
                {"env", list(options.env)},
                {"user", text(options.user)},
                {"additional-gids", list(options.additional_gids)},
                {"cap", list(options.caps)},
                {"pid-file", text(options.pid_file)},
                {"console-socket", text(options.console_socket)},
                {"no-new-privs", toggle(options.no_new_privs)},
                {"ignore-paused", toggle(options.ignore_paused)},
                {"preserve-fds", count(options.preserve_fds, "preserve-fds")},
                {"apparmor", not_yet("apparmor")},
                {"process-label", not_yet("process-label")},
                {"cgroup", not_yet("cgroup")},
                {"pidfd-socket", not_yet("pidfd-socket")}};
    for (auto [letter, name] : {std::pair("p", "process"),
                                {"d", "detach"},
                                {"t", "tty"},
                                {"e", "env"},
                                {"u", "user"},
                                {"g", "additional-gids"},
                                {"c", "cap"}})
        flags[letter] = flags[name];
    return flags;
}

Flags global_flags(Options& options) {
    Flags flags{{"root", text(options.root)},
                {"log", text(options.log_path)},
                {"debug", toggle(options.debug)},
                {"systemd-cgroup", refused("--systemd-cgroup is not supported yet")}};
    flags["log-format"] = {true, [&options](const std::string& value) -> Result<> {
                               if (value != "text" && value != "json")
                                   return bad("invalid log-format: " + value);
                               options.log_json = value == "json";
                               return {};
                           }};
    flags["rootless"] = {true, [](const std::string&) { return Result<>(); }};
    return flags;
}

Flags command_flags(Options& options) {
    const std::string& command = options.command;
    if (command == "create") {
        Flags flags{
            {"bundle", text(options.bundle)},       {"b", text(options.bundle)},
            {"pid-file", text(options.pid_file)},   {"console-socket", text(options.console_socket)},
            {"no-pivot", toggle(options.no_pivot)}, {"no-new-keyring", toggle(options.no_new_keyring)}};
        flags["preserve-fds"] = count(options.preserve_fds, "preserve-fds");
        return flags;
    }
    if (command == "exec") return exec_flags(options);
    if (command == "delete") return {{"force", toggle(options.force)}, {"f", toggle(options.force)}};
    if (command == "kill") return {{"all", toggle(options.all)}, {"a", toggle(options.all)}};
    if (command == "list") {
        return {{"format", text(options.format)},
                {"f", text(options.format)},
                {"quiet", toggle(options.quiet)},
                {"q", toggle(options.quiet)}};
    }
    return {};
}

// One option at words[at]; moves `at` past it and its value.
Result<> take(const Flags& flags, const std::vector<std::string>& words, std::size_t& at) {
    std::string name = words[at].substr(words[at].starts_with("--") ? 2 : 1);
    auto equals = name.find('=');
    bool given = equals != std::string::npos;
    std::string value = given ? name.substr(equals + 1) : "true";
    name = name.substr(0, equals);
    auto flag = flags.find(name);
    if (flag == flags.end()) return bad("flag provided but not defined: -" + name);
    ++at;
    if (flag->second.takes_value && !given) {
        if (at == words.size()) return bad("flag needs an argument: -" + name);
        value = words[at++];
    }
    return flag->second.set(value);
}

bool is_option(const std::string& word) {
    return word.size() > 1 && word[0] == '-';
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& words) {
    Options options;
    std::size_t at = 0;
    Flags global = global_flags(options);
    while (at < words.size() && is_option(words[at])) {
        if (words[at] == "--version" || words[at] == "-v" || words[at] == "--help" || words[at] == "-h")
            break;
        BERTH_CHECK(take(global, words, at));
    }
    if (at == words.size()) return options;
    options.command = words[at++];
    Flags own = command_flags(options);
    while (at < words.size() && is_option(words[at])) {
        if (words[at] == "--") {
            ++at;
            break;
        }
        BERTH_CHECK(take(own, words, at));
    }
    options.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return options;
}

}  // namespace berth::executor
