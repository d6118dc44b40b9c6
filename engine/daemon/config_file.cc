#include "engine/daemon/config_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/daemon/option_values.h"
#include "engine/daemon/options.h"

namespace berth::daemon {

namespace {

using nlohmann::json;

const Option* by_key(std::string_view key) {
    for (const auto& option : options()) {
        if (!option.key.empty() && option.key == key) return &option;
    }
    return nullptr;
}

// These are objects themselves; any other object is a group of keys.
bool is_flat(std::string_view key) {
    for (std::string_view flat :
         {"default-network-opts", "log-opts", "runtimes", "default-ulimits", "features", "builder"}) {
        if (key == flat) return true;
    }
    return false;
}

Failure unknown_keys(const Strings& keys) {
    return invalid(fmt::format("the following directives don't match any configuration option: {}",
                               fmt::join(keys, ", ")));
}

// The keys with those of "proxies" among them.
Result<json> flatten(const json& file) {
    json out = json::object();
    Strings unknown;
    for (const auto& [key, value] : file.items()) {
        if (!value.is_object() || is_flat(key)) {
            if (by_key(key) == nullptr) unknown.push_back(key);
            out[key] = value;
            continue;
        }
        const std::size_t before = unknown.size();
        for (const auto& [inner, item] : value.items()) {
            if (by_key(inner) == nullptr) unknown.push_back(inner);
            out[inner] = item;
        }
        if (key == "proxies" || unknown.size() > before) continue;
        // A known key with an object for a value has the wrong kind of value.
        if (by_key(key) == nullptr) unknown.push_back(key);
        out[key] = value;
    }
    if (!unknown.empty()) return unknown_keys(unknown);
    return out;
}

// As Go prints what its JSON library has read.
std::string go_text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_null()) return "<nil>";
    Strings items;
    if (value.is_array()) {
        for (const auto& item : value) items.push_back(go_text(item));
        return list_text(items);
    }
    if (!value.is_object()) return value.dump();
    for (const auto& [key, item] : value.items()) items.push_back(key + ":" + go_text(item));
    return "map" + list_text(items);
}

// A password in an URL is nothing for a log.
std::string masked(const std::string& url) {
    auto scheme = url.find("://");
    auto at = url.rfind('@');
    if (scheme == std::string::npos || at == std::string::npos || at < scheme) return url;
    return url.substr(0, scheme + 3) + "xxxxx:xxxxx" + url.substr(at);
}

Result<> find_conflicts(const Config& config, const json& file) {
    Strings both;
    for (const auto& option : options()) {
        if (option.flag.empty() || !config.flags.contains(option.flag) || option.key == "runtimes") continue;
        std::string_view key = option.key;
        // The older key of one address conflicts with the flag as well.
        if (option.flag == "host-gateway-ip" && file.contains("host-gateway-ip")) key = option.flag;
        auto found = file.find(key);
        if (found == file.end()) continue;
        std::string flag = option_text(config, option), text = go_text(*found);
        if (std::holds_alternative<std::string Proxies::*>(option.target)) {
            flag = masked(flag);
            text = masked(text);
        }
        both.push_back(fmt::format("{}: (from flag: {}, from file: {})", key, flag, text));
    }
    std::string out;
    if (file.contains("host-gateway-ip") && file.contains("host-gateway-ips"))
        out = "host-gateway-ip and host-gateway-ips must not both be specified in the config file";
    if (!both.empty()) {
        out += fmt::format(
            "{}the following directives are specified both as a flag and in the configuration file: {}",
            out.empty() ? "" : "\n", fmt::join(both, ", "));
    }
    if (out.empty()) return {};
    return invalid(std::move(out));
}

Result<json> parse(const std::string& text) {
    try {
        return json::parse(text);
    } catch (const json::parse_error& error) {
        std::string why = error.what();
        if (why.find("unexpected end of input") != std::string::npos)
            return invalid("unexpected end of JSON input");
        // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
        auto bracket = why.find("] ");
        return invalid(bracket == std::string::npos ? why : why.substr(bracket + 2));
    } catch (const json::exception& error) {
        return invalid(error.what());
    }
}

}  // namespace

std::string default_config_file() {
    const char* own = "/etc/berth/daemon.json";
    const char* dockers = "/etc/docker/daemon.json";
    return exists(own) || !exists(dockers) ? own : dockers;
}

Result<> read_config_file(Config& config, std::string text, const Config& said) {
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return {};
    BERTH_TRY(json file, in("invalid JSON", parse(text)));
    if (file.is_null()) return {};
    if (!file.is_object()) {
        return invalid(fmt::format(
            "invalid JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            file.is_boolean() ? "bool" : file.type_name()));
    }
    BERTH_TRY(json keys, flatten(file));
    BERTH_CHECK(find_conflicts(said, keys));
    for (const auto& [key, value] : keys.items()) {
        BERTH_CHECK(in("invalid JSON", set_option(config, *by_key(key), value)));
        config.file_keys.insert(key);
    }
    return {};
}

}  // namespace berth::daemon
