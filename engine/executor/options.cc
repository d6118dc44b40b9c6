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
        flags["preserve-fds"] = {true, [&options](const std::string& value) -> Result<> {
                                     char* end = nullptr;
                                     long count = std::strtol(value.c_str(), &end, 10);
                                     if (value.empty() || *end != '\0' || count < 0 || count > 1024) {
                                         return bad("invalid value for --preserve-fds: " + value);
                                     }
                                     options.preserve_fds = static_cast<int>(count);
                                     return {};
                                 }};
        return flags;
    }
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
