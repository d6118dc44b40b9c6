#include "engine/executor/options.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

bool is_named(const Flag& flag, const std::string& name) {
    return (", " + flag.names + ",").find(", " + name + ",") != std::string::npos;
}

// One option at words[at]; moves `at` past it and its value.
Result<> take(const std::vector<Flag>& flags, const std::vector<std::string>& words, std::size_t& at) {
    std::string name = words[at].substr(words[at].starts_with("--") ? 2 : 1);
    auto equals = name.find('=');
    bool given = equals != std::string::npos;
    std::string value = given ? name.substr(equals + 1) : "true";
    name = name.substr(0, equals);
    auto flag =
        std::find_if(flags.begin(), flags.end(), [&](const Flag& one) { return is_named(one, name); });
    if (flag == flags.end()) return bad("flag provided but not defined: -" + name);
    ++at;
    if (flag->takes_value && !given) {
        if (at == words.size()) return bad("flag needs an argument: -" + name);
        value = words[at++];
    }
    return flag->set(value);
}

bool is_option(const std::string& word) {
    return word.size() > 1 && word[0] == '-';
}
bool asks_for_help(const std::string& word) {
    return word == "--help" || word == "-h" || word == "-help";
}

// Without privileges, or root only of a user namespace that maps some of the ids.
bool is_rootless() {
    if (::geteuid() != 0) return true;
    auto map = read_file("/proc/self/uid_map");
    return map && map->find("4294967295") == std::string::npos;
}

std::string default_root() {
    const char* folder = ::geteuid() == 0 ? nullptr : std::getenv("XDG_RUNTIME_DIR");
    return folder == nullptr || *folder == '\0' ? "/run/berth/runtime"
                                                : std::string(folder) + "/berth/runtime";
}

// What follows the first argument of these is the business of somebody else.
bool stops_at_argument(const std::string& command) {
    return command == "exec" || command == "ps" || command == "kill";
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& words) {
    Options options;
    options.root = default_root();
    bool rootless_said = false;
    std::size_t at = 0;
    std::vector<Flag> global = global_flags(options);
    while (at < words.size() && is_option(words[at])) {
        if (words[at] == "--version" || words[at] == "-v" || asks_for_help(words[at])) break;
        rootless_said = rootless_said ||
                        (words[at].find("rootless=") != std::string::npos && !words[at].ends_with("auto"));
        BERTH_CHECK(take(global, words, at));
    }
    if (!rootless_said) options.rootless = is_rootless();
    if (at == words.size()) return options;
    options.command = words[at++];
    std::vector<Flag> own = command_flags(options);
    while (at < words.size()) {
        if (words[at] == "--") {
            ++at;
            break;
        }
        if (asks_for_help(words[at])) {
            options.help = true;
            return options;
        }
        if (is_option(words[at])) {
            BERTH_CHECK(take(own, words, at));
            continue;
        }
        if (stops_at_argument(options.command)) break;
        options.arguments.push_back(words[at++]);
    }
    options.arguments.insert(options.arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(at),
                             words.end());
    return options;
}

}  // namespace berth::executor
