#include "engine/image/run_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/base/time.h"

namespace berth::image {

namespace {

using Json = nlohmann::ordered_json;

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

std::vector<std::string> keys(const Json& object, const char* name) {
    std::vector<std::string> out;
    if (!object.contains(name) || object[name].is_null()) return out;
    for (const auto& [key, value] : object.at(name).items()) out.push_back(key);
    return out;
}

template <class T>
T value(const Json& object, const char* name) {
    auto found = object.find(name);
    return found == object.end() || found->is_null() ? T() : found->get<T>();
}

// Words by the shell's quoting, as far as a Dockerfile's ENV and LABEL know it.
Result<std::vector<std::string>> words(const std::string& text) {
    std::vector<std::string> out;
    std::string word;
    char quote = 0;
    bool any = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
            any = true;
        } else if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            any = true;
        } else if (c == ' ' || c == '\t') {
            if (any || !word.empty()) out.push_back(word);
            word.clear();
            any = false;
        } else {
            word += c;
        }
    }
    if (quote != 0) return bad("unexpected end of statement while looking for matching quote");
    if (any || !word.empty()) out.push_back(word);
    return out;
}

// ["exec","form"], or the shell form.
Json command_form(const std::string& rest) {
    Json parsed = Json::parse(rest, nullptr, false);
    bool exec = parsed.is_array() &&
                std::all_of(parsed.begin(), parsed.end(), [](const Json& w) { return w.is_string(); });
    return exec ? parsed : Json({"/bin/sh", "-c", rest});
}

Result<> add_pairs(const std::string& name, const std::string& rest, Json& config) {
    BERTH_TRY(auto list, words(rest));
    // "ENV key the rest" is the old form of one pair.
    if (!list.empty() && list[0].find('=') == std::string::npos) {
        auto blank = rest.find_first_of(" \t");
        if (blank == std::string::npos) return bad(name + " must have two arguments");
        list = {list[0] + "=" + rest.substr(rest.find_first_not_of(" \t", blank))};
    }
    for (const std::string& pair : list) {
        auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return bad("Syntax error - can't find = in \"" + pair + "\". Must be of the form: name=value");
        if (name == "LABEL") {
            config["Labels"][pair.substr(0, equals)] = pair.substr(equals + 1);
            continue;
        }
        Json& env = config["Env"];
        if (!env.is_array()) env = Json::array();
        auto same = std::find_if(env.begin(), env.end(), [&](const Json& item) {
            return item.get<std::string>().starts_with(pair.substr(0, equals + 1));
        });
        if (same != env.end()) {
            *same = pair;
        } else {
            env.push_back(pair);
        }
    }
    return {};
}

Result<> add_keys(const std::string& name, const std::string& rest, Json& config) {
    Json parsed = Json::parse(rest, nullptr, false);
    std::vector<std::string> list;
    if (name == "VOLUME" && parsed.is_array()) {
        for (const Json& item : parsed) list.push_back(item.is_string() ? item.get<std::string>() : "");
    } else {
        BERTH_TRY(list, words(rest));
    }
    for (std::string& item : list) {
        if (item.empty()) return bad(name + " specified can not be an empty string");
        if (name == "EXPOSE") {
            std::string port = item.substr(0, item.find('/'));
            if (port.find_first_not_of("0123456789-") != std::string::npos)
                return bad("invalid containerPort: " + port);
            if (item.find('/') == std::string::npos) item += "/tcp";
            config["ExposedPorts"][item] = Json::object();
        } else {
            config["Volumes"][item] = Json::object();
        }
    }
    return {};
}

std::string working_dir(const std::string& wanted, const std::string& current) {
    if (wanted.starts_with('/')) return wanted;
    return (current.empty() || current == "/" ? "" : current) + "/" + wanted;
}

// --interval=5s and the like, taken off the front of `rest`.
Result<> take_health_options(std::string& rest, Json& check) {
    static const std::map<std::string, const char*> kTimes{{"interval", "Interval"},
                                                           {"timeout", "Timeout"},
                                                           {"start-period", "StartPeriod"},
                                                           {"start-interval", "StartInterval"}};
    while (rest.starts_with("--")) {
        std::string option = rest.substr(2, rest.find_first_of(" \t") - 2);
        rest.erase(0, rest.find_first_not_of(" \t", std::min(rest.size(), option.size() + 2)));
        auto equals = option.find('=');
        std::string name = option.substr(0, equals);
        std::string text = equals == option.npos ? "" : option.substr(equals + 1);
        if (name == "retries") {
            char* end = nullptr;
            long count = std::strtol(text.c_str(), &end, 10);
            if (text.empty() || *end != '\0' || count < 0)
                return bad("--retries must be at least 1 (not " + text + ")");
            check["Retries"] = count;
            continue;
        }
        auto known = kTimes.find(name);
        if (known == kTimes.end()) return bad("Unknown flag: " + name);
        BERTH_TRY(auto time, parse_duration(text));
        check[known->second] = time.count();
    }
    return {};
}

Result<> set_health_check(std::string rest, Json& config) {
    Json check = Json::object();
    BERTH_CHECK(take_health_options(rest, check));
    std::string kind = rest.substr(0, rest.find_first_of(" \t["));
    std::transform(kind.begin(), kind.end(), kind.begin(), ::toupper);
    if (kind == "NONE") {
        check["Test"] = {"NONE"};
    } else if (kind == "CMD") {
        std::string command = rest.substr(3);
        command.erase(0, command.find_first_not_of(" \t"));
        if (command.empty()) return bad("Missing command after HEALTHCHECK CMD");
        Json parsed = Json::parse(command, nullptr, false);
        check["Test"] = parsed.is_array() ? Json::array({"CMD"}) : Json::array({"CMD-SHELL", command});
        if (parsed.is_array()) check["Test"].insert(check["Test"].end(), parsed.begin(), parsed.end());
    } else {
        return bad("Unknown type \"" + kind + "\" in HEALTHCHECK (try CMD)");
    }
    config["Healthcheck"] = check;
    return {};
}

Result<> apply(const std::string& change, Json& config) {
    auto blank = change.find_first_of(" \t");
    std::string name = change.substr(0, blank);
    std::transform(name.begin(), name.end(), name.begin(), ::toupper);
    auto start = blank == std::string::npos ? std::string::npos : change.find_first_not_of(" \t", blank);
    if (start == std::string::npos && (name == "CMD" || name == "ENTRYPOINT")) {
        config[name == "CMD" ? "Cmd" : "Entrypoint"] = nullptr;
        return {};
    }
    if (start == std::string::npos) return bad(name + " requires at least one argument");
    std::string rest = change.substr(start);
    if (name == "CMD")
        config["Cmd"] = command_form(rest);
    else if (name == "ENTRYPOINT")
        config["Entrypoint"] = command_form(rest);
    else if (name == "USER")
        config["User"] = rest;
    else if (name == "WORKDIR")
        config["WorkingDir"] = working_dir(rest, value<std::string>(config, "WorkingDir"));
    else if (name == "STOPSIGNAL")
        config["StopSignal"] = rest;
    else if (name == "ONBUILD")
        config["OnBuild"].push_back(rest);
    else if (name == "ENV" || name == "LABEL")
        return add_pairs(name, rest, config);
    else if (name == "EXPOSE" || name == "VOLUME")
        return add_keys(name, rest, config);
    else if (name == "HEALTHCHECK")
        return set_health_check(rest, config);
    else
        return bad(fmt::format("{} is not a valid change command", name));
    return {};
}

}  // namespace

Result<RunConfig> parse_run_config(const std::string& text) {
    Json json = Json::parse(text.empty() ? "{}" : text, nullptr, false);
    if (json.is_null()) json = Json::object();
    if (!json.is_object()) return bad("the image's config is no JSON object");
    using Strings = std::vector<std::string>;
    try {
        RunConfig out;
        out.user = value<std::string>(json, "User");
        out.working_dir = value<std::string>(json, "WorkingDir");
        out.stop_signal = value<std::string>(json, "StopSignal");
        out.env = value<Strings>(json, "Env");
        out.cmd = value<Strings>(json, "Cmd");
        out.entrypoint = value<Strings>(json, "Entrypoint");
        out.shell = value<Strings>(json, "Shell");
        out.on_build = value<Strings>(json, "OnBuild");
        out.volumes = keys(json, "Volumes");
        out.exposed_ports = keys(json, "ExposedPorts");
        out.labels = value<std::map<std::string, std::string>>(json, "Labels");
        if (json.contains("Healthcheck") && json["Healthcheck"].is_object())
            out.healthcheck_json = json["Healthcheck"].dump();
        return out;
    } catch (const Json::exception& error) {
        return bad(std::string("the image's config is damaged: ") + error.what());
    }
}

Result<> apply_changes(const std::vector<std::string>& changes, nlohmann::ordered_json& config) {
    for (const std::string& change : changes) BERTH_CHECK(apply(change, config));
    return {};
}

}  // namespace berth::image
