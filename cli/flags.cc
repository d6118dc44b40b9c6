#include "cli/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace berth::cli {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// Go's strconv.ParseBool.
Result<bool> parse_bool(std::string_view text) {
    for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    return bad(fmt::format("strconv.ParseBool: parsing \"{}\": invalid syntax", text));
}

}  // namespace

Flags::Flags(std::string usage, std::string summary, Order order)
    : usage_(std::move(usage)), summary_(std::move(summary)), order_(order) {
    toggle("help", &help_, "Print usage");
}

void Flags::add(std::string name, std::string type, std::string help, bool is_toggle,
                std::function<Result<>(std::string_view)> take) {
    Flag flag{
        .type = std::move(type), .help = std::move(help), .is_toggle = is_toggle, .take = std::move(take)};
    auto comma = name.find(',');
    flag.name = name.substr(0, comma);
    if (comma != std::string::npos) flag.shorthand = name[comma + 1];
    flags_.push_back(std::move(flag));
}

void Flags::text(std::string name, std::string* target, std::string type, std::string help) {
    add(std::move(name), std::move(type), std::move(help), false,
        [target](std::string_view value) -> Result<> {
            *target = value;
            return {};
        });
}

void Flags::list(std::string name, std::vector<std::string>* target, std::string help) {
    add(std::move(name), "list", std::move(help), false, [target](std::string_view value) -> Result<> {
        target->emplace_back(value);
        return {};
    });
}

void Flags::toggle(std::string name, bool* target, std::string help) {
    add(std::move(name), "", std::move(help), true, [target](std::string_view value) -> Result<> {
        BERTH_TRY(*target, parse_bool(value));
        return {};
    });
}

void Flags::number(std::string name, std::int64_t* target, std::string help) {
    add(std::move(name), "int", std::move(help), false, [target](std::string_view value) -> Result<> {
        auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *target);
        if (error != std::errc() || end != value.data() + value.size() || value.empty()) {
            return bad(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", value));
        }
        return {};
    });
}

void Flags::custom(std::string name, std::string type, std::string help,
                   std::function<Result<>(std::string_view)> take) {
    add(std::move(name), std::move(type), std::move(help), false, std::move(take));
}

Flags::Flag* Flags::find(std::string_view name) {
    auto found =
        std::find_if(flags_.begin(), flags_.end(), [&](const Flag& flag) { return flag.name == name; });
    return found == flags_.end() ? nullptr : &*found;
}

Flags::Flag* Flags::find(char shorthand) {
    auto found = std::find_if(flags_.begin(), flags_.end(),
                              [&](const Flag& flag) { return flag.shorthand == shorthand; });
    return found == flags_.end() ? nullptr : &*found;
}

bool Flags::changed(std::string_view name) const {
    return std::any_of(flags_.begin(), flags_.end(),
                       [&](const Flag& flag) { return flag.name == name && flag.changed; });
}

Result<> Flags::set(Flag& flag, std::string_view value, const std::string& shown) {
    auto taken = flag.take(value);
    if (!taken) {
        return bad(
            fmt::format("invalid argument \"{}\" for \"{}\" flag: {}", value, shown, taken.error().message));
    }
    flag.changed = true;
    return {};
}

Result<> Flags::parse_long(const std::vector<std::string>& arguments, std::size_t& at) {
    std::string_view word = std::string_view(arguments[at]).substr(2);
    auto equals = word.find('=');
    Flag* flag = find(word.substr(0, equals));
    if (flag == nullptr) return bad(fmt::format("unknown flag: --{}", word.substr(0, equals)));
    std::string shown =
        flag->shorthand != 0 ? fmt::format("-{}, --{}", flag->shorthand, flag->name) : "--" + flag->name;
    if (equals != std::string_view::npos) return set(*flag, word.substr(equals + 1), shown);
    if (flag->is_toggle) return set(*flag, "true", shown);
    if (at + 1 == arguments.size()) return bad(fmt::format("flag needs an argument: --{}", flag->name));
    return set(*flag, arguments[++at], shown);
}

Result<> Flags::parse_short(const std::vector<std::string>& arguments, std::size_t& at) {
    std::string_view word = std::string_view(arguments[at]).substr(1);
    std::string_view whole = word;
    while (!word.empty()) {
        Flag* flag = find(word.front());
        if (flag == nullptr) {
            if (word.front() == 'h') {
                help_ = true;
                return {};
            }
            return bad(fmt::format("unknown shorthand flag: '{}' in -{}", word.front(), whole));
        }
        std::string shown = fmt::format("-{}, --{}", flag->shorthand, flag->name);
        word.remove_prefix(1);
        if (!word.empty() && word.front() == '=') return set(*flag, word.substr(1), shown);
        if (flag->is_toggle) {
            BERTH_CHECK(set(*flag, "true", shown));
            continue;
        }
        if (!word.empty()) return set(*flag, word, shown);
        if (at + 1 == arguments.size()) {
            return bad(fmt::format("flag needs an argument: '{}' in -{}", flag->shorthand, whole));
        }
        return set(*flag, arguments[++at], shown);
    }
    return {};
}

Result<std::vector<std::string>> Flags::parse(const std::vector<std::string>& arguments) {
    std::vector<std::string> positional;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& word = arguments[at];
        bool ends = word == "--";
        bool plain = word.size() < 2 || word[0] != '-';
        if (ends || (plain && order_ == Order::kFirst)) {
            positional.insert(positional.end(),
                              arguments.begin() + static_cast<std::ptrdiff_t>(at + (ends ? 1 : 0)),
                              arguments.end());
            break;
        }
        if (plain) {
            positional.push_back(word);
        } else if (word[1] == '-') {
            BERTH_CHECK(parse_long(arguments, at));
        } else {
            BERTH_CHECK(parse_short(arguments, at));
        }
    }
    return positional;
}

std::string Flags::help(std::string_view program) const {
    std::string out = fmt::format("Usage:  {} {}\n\n{}\n\nOptions:\n", program, usage_, summary_);
    std::vector<const Flag*> sorted;
    std::size_t width = 0;
    auto left = [](const Flag& flag) {
        std::string text = flag.shorthand != 0 ? fmt::format("  -{}, --{}", flag.shorthand, flag.name)
                                               : fmt::format("      --{}", flag.name);
        return flag.type.empty() ? text : text + " " + flag.type;
    };
    for (const Flag& flag : flags_) {
        if (flag.help.empty() || flag.name == "help") continue;
        sorted.push_back(&flag);
        width = std::max(width, left(flag).size());
    }
    std::sort(sorted.begin(), sorted.end(), [](const Flag* a, const Flag* b) { return a->name < b->name; });
    for (const Flag* flag : sorted) out += fmt::format("{:<{}}   {}\n", left(*flag), width, flag->help);
    return out;
}

}  // namespace berth::cli
