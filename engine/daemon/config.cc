#include "engine/daemon/config.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/files.h"
#include "engine/base/log.h"
#include "engine/daemon/options.h"

namespace berth::daemon {

namespace {

using nlohmann::json;

Failure invalid(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

const Option* by_flag(std::string_view name) {
    for (const auto& option : options()) {
        if (option.flag == name) return &option;
    }
    return nullptr;
}
const Option* by_letter(char letter) {
    for (const auto& option : options()) {
        if (option.letter == letter) return &option;
    }
    return nullptr;
}
const Option* by_key(std::string_view key) {
    for (const auto& option : options()) {
        if (!option.key.empty() && option.key == key) return &option;
    }
    return nullptr;
}

// The command line in the manner of dockerd's: --flag value, --flag=value, -f value, -fvalue, -Dl debug.
class CommandLine {
 public:
    CommandLine(const std::vector<std::string>& arguments, Config& config)
        : rest_(arguments), config_(config) {}

    Result<> read() {
        while (at_ < rest_.size()) {
            const std::string& argument = rest_[at_++];
            if (argument.size() > 2 && argument.starts_with("--")) {
                BERTH_CHECK(long_flag(argument.substr(2)));
            } else if (argument.size() > 1 && argument[0] == '-' && argument != "--") {
                BERTH_CHECK(short_flags(argument));
            } else {
                return invalid(fmt::format("\"berthd\" accepts no arguments, but got \"{}\"", argument));
            }
        }
        return {};
    }
    std::set<std::string_view> seen;

 private:
    Result<> set(const Option& option, const std::string& text) {
        seen.insert(option.flag);
        return set_option(config_, option, text);
    }
    Result<> long_flag(const std::string& text) {
        auto equals = text.find('=');
        const std::string name = text.substr(0, equals);
        const Option* option = by_flag(name);
        if (option == nullptr) return invalid("unknown flag: --" + name);
        if (equals != std::string::npos) return set(*option, text.substr(equals + 1));
        if (option->is_flag_only_bool()) return set(*option, "true");
        if (at_ == rest_.size()) return invalid("flag needs an argument: --" + name);
        return set(*option, rest_[at_++]);
    }
    Result<> short_flags(const std::string& text) {
        for (std::size_t i = 1; i < text.size(); ++i) {
            const Option* option = by_letter(text[i]);
            if (option == nullptr)
                return invalid(fmt::format("unknown shorthand flag: '{}' in {}", text[i], text));
            if (option->is_flag_only_bool()) {
                BERTH_CHECK(set(*option, "true"));
                continue;
            }
            std::string value = text.substr(i + 1);
            if (value.starts_with('=')) value.erase(0, 1);
            if (!value.empty()) return set(*option, value);
            if (at_ == rest_.size())
                return invalid(fmt::format("flag needs an argument: '{}' in {}", text[i], text));
            return set(*option, rest_[at_++]);
        }
        return {};
    }

    const std::vector<std::string>& rest_;
    Config& config_;
    std::size_t at_ = 0;
};

// A value of daemon.json as the flag would give it.
Result<std::string> as_text(const std::string& key, const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
    if (value.is_number_integer()) return value.dump();
    if (key == "default-address-pools" && value.is_object() && value.contains("base") &&
        value.contains("size") && value["base"].is_string() && value["size"].is_number_integer()) {
        return fmt::format("base={},size={}", value["base"].get<std::string>(), value["size"].get<int>());
    }
    return invalid(fmt::format("invalid value for \"{}\": {}", key, value.dump()));
}

// {"max-size": "10m"} is what --log-opt max-size=10m is.
Result<> set_pairs(Config& config, const Option& option, const json& pairs) {
    for (const auto& [name, value] : pairs.items()) {
        if (!value.is_string())
            return invalid(fmt::format("invalid value for \"{}\": {}", option.key, pairs.dump()));
        BERTH_CHECK(set_option(config, option, name + "=" + value.get<std::string>()));
    }
    return {};
}

Result<> set_from_json(Config& config, const Option& option, const json& value) {
    const std::string key(option.key);
    const bool is_list = std::holds_alternative<std::vector<std::string> Config::*>(option.target);
    if (std::holds_alternative<Unsupported>(option.target)) {
        return fail(ErrorKind::kNotImplemented, fmt::format("\"{}\" is not supported yet", key));
    }
    if (key == "log-opts" && value.is_object()) return set_pairs(config, option, value);
    if (is_list != value.is_array())
        return invalid(fmt::format("invalid value for \"{}\": {}", key, value.dump()));
    const json list = is_list ? value : json::array({value});
    for (const auto& item : list) {
        BERTH_TRY(auto text, as_text(key, item));
        BERTH_CHECK(set_option(config, option, text));
    }
    return {};
}

Result<> merge_file(Config& config, const std::string& text, const std::set<std::string_view>& flags) {
    auto file = json::parse(text, nullptr, false);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) file = json::object();
    if (!file.is_object()) return invalid("invalid JSON: not an object");
    std::vector<std::string> unknown, twice;
    Config from_file;
    for (const auto& [key, value] : file.items()) {
        const Option* option = by_key(key);
        if (option == nullptr) {
            unknown.push_back(key);
            continue;
        }
        if (flags.count(option->flag) > 0) {
            BERTH_CHECK(set_from_json(from_file, *option, value));
            twice.push_back(fmt::format("{}: (from flag: {}, from file: {})", key,
                                        option_text(config, *option), option_text(from_file, *option)));
            continue;
        }
        BERTH_CHECK(set_from_json(config, *option, value));
    }
    if (!unknown.empty()) {
        return invalid(fmt::format("the following directives don't match any configuration option: {}",
                                   fmt::join(unknown, ", ")));
    }
    if (!twice.empty()) {
        return invalid(fmt::format(
            "the following directives are specified both as a flag and in the configuration file: {}",
            fmt::join(twice, ", ")));
    }
    return {};
}

// "base=10.0.0.0/16,size=24" becomes "10.0.0.0/16/24".
Result<std::string> pool(const std::string& text) {
    std::string base, size;
    for (std::size_t at = 0; at <= text.size();) {
        auto end = std::min(text.find(',', at), text.size());
        const std::string piece = text.substr(at, end - at);
        if (piece.starts_with("base="))
            base = piece.substr(5);
        else if (piece.starts_with("size="))
            size = piece.substr(5);
        else
            return invalid(fmt::format("invalid default-address-pool \"{}\"", text));
        at = end + 1;
    }
    const bool numeric =
        !size.empty() && size.size() < 4 && size.find_first_not_of("0123456789") == std::string::npos;
    if (base.find('/') == std::string::npos || !numeric) {
        return invalid(fmt::format("invalid default-address-pool \"{}\"", text));
    }
    return base + "/" + size;
}

Result<> check(Config& config) {
    log::Level level;
    if (!log::parse_level(config.log_level, level))
        return invalid("unable to parse logging level: " + config.log_level);
    if (config.log_format != "text" && config.log_format != "json") {
        return invalid("invalid log format: " + config.log_format);
    }
    for (const auto& host : config.hosts) {
        if (host.starts_with("fd://")) {
            return fail(ErrorKind::kNotImplemented,
                        "-H " + host + ": socket activation is not supported yet");
        }
        if (!host.starts_with("unix://") && !host.starts_with("tcp://")) {
            return invalid(fmt::format("unable to parse docker host `{}`", host));
        }
    }
    for (auto* path : {&config.data_root, &config.exec_root}) {
        if (path->empty() || path->front() != '/') return invalid("path must be absolute: \"" + *path + "\"");
    }
    for (const auto& label : config.labels) {
        if (label.find('=') == std::string::npos)
            return invalid(fmt::format("bad attribute format: {}", label));
    }
    if (config.log_driver != "json-file" && config.log_driver != "local" && config.log_driver != "none") {
        return fail(ErrorKind::kNotImplemented,
                    fmt::format("log driver \"{}\" is not supported yet", config.log_driver));
    }
    for (const auto& option : config.log_options) {
        if (option.find('=') == std::string::npos)
            return invalid(fmt::format("invalid log option: {}", option));
    }
    if (config.cgroup_parent.find("..") != std::string::npos) {
        return invalid(fmt::format("invalid cgroup parent: {}", config.cgroup_parent));
    }
    if (!config.bip.empty() && !config.bridge.empty()) {
        return invalid("you specified -b & --bip, mutually exclusive options");
    }
    if (!config.iptables && !config.icc) {
        return invalid(
            "you specified --iptables=false with --icc=false; --icc=false uses iptables to function");
    }
    for (auto& text : config.address_pools) {
        BERTH_TRY(text, pool(text));
    }
    return {};
}

}  // namespace

Result<Config> load_config(const std::vector<std::string>& arguments) {
    Config config;
    CommandLine line(arguments, config);
    BERTH_CHECK(line.read());
    if (config.show_help || config.show_version) return config;
    const bool named = line.seen.count("config-file") > 0;
    auto text = read_file(config.config_file);
    if (text) {
        auto merged = merge_file(config, *text, line.seen);
        if (!merged) {
            return Failure(std::move(merged.error())
                               .in("unable to configure the daemon with file " + config.config_file));
        }
    } else if (named || text.error().kind != ErrorKind::kNotFound) {
        return Failure(
            std::move(text.error()).in("unable to configure the daemon with file " + config.config_file));
    }
    BERTH_CHECK(check(config));
    return config;
}

std::string usage() {
    std::string out = "\nUsage:\tberthd [OPTIONS]\n\nA self-sufficient runtime for containers.\n\nOptions:\n";
    for (const auto& option : options()) {
        if (option.help.empty()) continue;
        std::string name = option.letter != 0 ? fmt::format("  -{}, --{}", option.letter, option.flag)
                                              : fmt::format("      --{}", option.flag);
        const char* kind = std::holds_alternative<bool Config::*>(option.target)          ? ""
                           : std::holds_alternative<int Config::*>(option.target)         ? " int"
                           : std::holds_alternative<std::string Config::*>(option.target) ? " string"
                                                                                          : " list";
        out += fmt::format("{:<38}{}\n", name + kind, option.help);
    }
    return out;
}

}  // namespace berth::daemon
