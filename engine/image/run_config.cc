#include "engine/image/run_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

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

Result<> apply(const std::string& change, Json& config) {
    auto blank = change.find_first_of(" \t");
    std::string name = change.substr(0, blank);
    std::transform(name.begin(), name.end(), name.begin(), ::toupper);
    auto start = blank == std::string::npos ? std::string::npos : change.find_first_not_of(" \t", blank);
    if (start == std::string::npos) return bad(name + " requires at least one argument");
    std::string rest = change.substr(start);
    if (name == "CMD")
        config["Cmd"] = command_form(rest);
    else if (name == "ENTRYPOINT")
        config["Entrypoint"] = command_form(rest);
    else if (name == "USER")
        config["User"] = rest;
    else if (name == "WORKDIR")
        config["WorkingDir"] = rest;
    else if (name == "STOPSIGNAL")
        config["StopSignal"] = rest;
    else if (name == "ONBUILD")
        config["OnBuild"].push_back(rest);
    else if (name == "ENV" || name == "LABEL")
        return add_pairs(name, rest, config);
    else if (name == "EXPOSE" || name == "VOLUME")
        return add_keys(name, rest, config);
    else if (name == "HEALTHCHECK" && (rest == "NONE" || rest == "none"))
        config["Healthcheck"] = {{"Test", {"NONE"}}};
    else if (name == "HEALTHCHECK" && (rest.starts_with("CMD ") || rest.starts_with("cmd "))) {
        Json parsed = Json::parse(rest.substr(4), nullptr, false);
        Json test = Json::array({"CMD-SHELL", rest.substr(4)});
        if (parsed.is_array()) {
            test = Json::array({"CMD"});
            test.insert(test.end(), parsed.begin(), parsed.end());
        }
        config["Healthcheck"] = {{"Test", test}};
    } else if (name == "HEALTHCHECK") {
        return bad("options of HEALTHCHECK are not supported in a change yet");
    } else {
        return bad(fmt::format("{} is not a valid change command", name));
    }
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
