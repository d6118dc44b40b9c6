#include "cli/client/settings.h"

#include <fmt/format.h>

#include <cstdlib>

#include "cli/json.h"
#include "engine/base/files.h"

namespace berth::cli {

namespace {

constexpr std::string_view kDefaultHost = "unix:///run/berth/berth.sock";

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

Json read_json(const std::string& path) {
    auto text = read_file(path);
    Json parsed = text ? Json::parse(*text, nullptr, false) : Json();
    return parsed.is_object() ? parsed : Json::object();
}

// A context is a folder named by a hash of its name; the name itself stands in its meta.json.
Result<std::string> context_host(const std::string& config_dir, const std::string& name) {
    std::string folder = config_dir + "/contexts/meta";
    auto entries = list_folder(folder);
    for (const std::string& entry : entries ? *entries : std::vector<std::string>()) {
        Json meta = read_json(folder + "/" + entry + "/meta.json");
        if (text_of(meta, "Name") != name) continue;
        const Json host = meta.value(Json::json_pointer("/Endpoints/docker/Host"), Json());
        if (host.is_string()) return host.get<std::string>();
    }
    return fail(ErrorKind::kNotFound, fmt::format("context \"{}\": context not found", name));
}

}  // namespace

Result<Settings> find_settings(const std::string& host, const std::string& context,
                               const std::string& config_dir) {
    Settings settings;
    settings.config_dir = !config_dir.empty() ? config_dir : environment("DOCKER_CONFIG");
    if (settings.config_dir.empty()) settings.config_dir = environment("HOME") + "/.docker";
    settings.api_version = environment("DOCKER_API_VERSION");
    settings.host = host;
    if (settings.host.empty() && context.empty()) settings.host = environment("DOCKER_HOST");
    if (!settings.host.empty()) return settings;
    std::string name = !context.empty() ? context : environment("DOCKER_CONTEXT");
    if (name.empty()) name = text_of(read_json(settings.config_dir + "/config.json"), "currentContext");
    if (name.empty() || name == "default") {
        settings.host = kDefaultHost;
        return settings;
    }
    BERTH_TRY(settings.host, context_host(settings.config_dir, name));
    return settings;
}

}  // namespace berth::cli
