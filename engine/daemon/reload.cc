#include "engine/daemon/reload.h"

#include <nlohmann/json.hpp>

#include "engine/daemon/config_checks.h"
#include "engine/daemon/option_values.h"

namespace berth::daemon {

namespace {

void take_container_settings(const Config& file, Config& next) {
    auto has = [&](const char* key) { return file.file_keys.contains(key); };
    if (has("runtimes")) next.runtimes = file.runtimes;
    if (has("default-runtime")) next.default_runtime = file.default_runtime;
    if (has("default-shm-size")) next.shm_size = file.shm_size;
    if (has("default-ipc-mode")) next.ipc_mode = file.ipc_mode;
    if (has("default-cgroupns-mode") && !file.cgroupns_mode.empty()) next.cgroupns_mode = file.cgroupns_mode;
    if (has("shutdown-timeout")) next.shutdown_timeout = file.shutdown_timeout;
    if (has("live-restore")) next.live_restore = file.live_restore;
}

void take_engine_settings(const Config& file, Config& next) {
    auto has = [&](const char* key) { return file.file_keys.contains(key); };
    auto by_flag = [&](const char* flag) { return next.flags.contains(flag); };
    // These go back to where they began when the file no longer has them, or has 0.
    auto number = [&](const char* name, int Config::* field) {
        if (!by_flag(name)) next.*field = file.*field != 0 ? file.*field : Config().*field;
    };
    number("max-concurrent-downloads", &Config::max_downloads);
    number("max-concurrent-uploads", &Config::max_uploads);
    number("max-download-attempts", &Config::max_download_attempts);
    if (has("debug")) next.debug = file.debug;
    if (has("labels")) next.labels = file.labels;
    if (!by_flag("feature")) next.features = file.features;
    if (!by_flag("authorization-plugin")) next.authorization_plugins = file.authorization_plugins;
    if (has("insecure-registries")) next.insecure_registries = file.insecure_registries;
    if (has("registry-mirrors")) next.registry_mirrors = file.registry_mirrors;
}

std::string flag_text(bool value) {
    return value ? "true" : "false";
}

std::string list_json(const Strings& list) {
    return nlohmann::json(list).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

StringMap attributes(const Config& config) {
    StringMap features;
    for (const auto& [name, on] : config.features) features[name] = flag_text(on);
    std::string runtimes;
    for (const auto& [name, runtime] : config.runtimes)
        runtimes += (runtimes.empty() ? "" : " ") + name + ":" + runtime.path;
    return {{"debug", flag_text(config.debug)},
            {"default-cgroupns-mode", config.cgroupns_mode},
            {"default-ipc-mode", config.ipc_mode},
            {"default-runtime", config.default_runtime},
            {"default-shm-size", std::to_string(config.shm_size)},
            {"features", map_text(features)},
            {"insecure-registries", list_json(config.insecure_registries)},
            {"labels", list_json(config.labels)},
            {"live-restore", flag_text(config.live_restore)},
            {"max-concurrent-downloads", std::to_string(config.max_downloads)},
            {"max-concurrent-uploads", std::to_string(config.max_uploads)},
            {"max-download-attempts", std::to_string(config.max_download_attempts)},
            {"registry-mirrors", list_json(config.registry_mirrors)},
            {"runtimes", runtimes},
            {"shutdown-timeout", std::to_string(config.shutdown_timeout)}};
}

}  // namespace

Result<StringMap> reload(Config& config) {
    BERTH_TRY(auto file, reload_config(config));
    Config next = config;
    take_container_settings(file, next);
    take_engine_settings(file, next);
    StringMap changed = attributes(next);  // what was written, not what is made of it
    for (auto& mirror : next.registry_mirrors) {
        BERTH_TRY(mirror, check_mirror(mirror));
    }
    BERTH_CHECK(check_combinations(next));
    BERTH_CHECK(refuse_unsupported(next));
    config = std::move(next);
    return changed;
}

}  // namespace berth::daemon
