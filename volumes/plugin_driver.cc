#include "volumes/plugin_driver.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace berth::volumes {

namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* name) {
    auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// A call that makes or mounts something may take a plugin longer.
std::chrono::seconds deadline_of(std::string_view method) {
    const bool slow = method == "VolumeDriver.Create" || method == "VolumeDriver.Mount";
    return std::chrono::seconds(slow ? 120 : 60);
}

}  // namespace

Result<std::string> PluginDriver::exchange(const char* method, const json& body) {
    BERTH_TRY(auto address, address_());
    std::string text = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return call_({std::move(address), method, std::move(text), deadline_of(method)});
}

Result<json> PluginDriver::call(const char* method, const json& body) {
    BERTH_TRY(const auto answer, exchange(method, body));
    auto parsed = json::parse(answer, nullptr, false);
    if (!parsed.is_object())
        return fail(ErrorKind::kInternal, std::string(method) + ": the plugin's answer is no JSON object");
    if (auto error = text_of(parsed, "Err"); !error.empty())
        return fail(ErrorKind::kInternal, std::string(method) + ": " + error);
    return parsed;
}

Result<> PluginDriver::activate() {
    BERTH_TRY(const auto manifest, exchange("Plugin.Activate", json::object()));
    BERTH_CHECK(plugins::check_manifest(manifest, name_, "VolumeDriver"));
    // Older plugins do not know this one.
    auto answer = call("VolumeDriver.Capabilities", json::object());
    if (!answer) return {};
    std::string scope = text_of(answer->value("Capabilities", json::object()), "Scope");
    std::transform(scope.begin(), scope.end(), scope.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (scope == "global") scope_ = scope;
    return {};
}

Volume PluginDriver::volume_of(const json& from) const {
    Volume volume;
    volume.name = text_of(from, "Name");
    volume.driver = name_;
    volume.scope = scope_;
    volume.mountpoint = text_of(from, "Mountpoint");
    if (auto at = parse_rfc3339(text_of(from, "CreatedAt")))
        volume.created_at = *at;
    else
        volume.created_at = kNever;
    auto status = from.find("Status");
    if (status != from.end() && status->is_object() && !status->empty())
        volume.status = status->dump(-1, ' ', false, json::error_handler_t::replace);
    return volume;
}

Result<std::vector<Volume>> PluginDriver::list() {
    BERTH_TRY(const auto answer, call("VolumeDriver.List", json::object()));
    std::vector<Volume> out;
    const auto volumes = answer.find("Volumes");
    if (volumes == answer.end() || !volumes->is_array()) return out;
    for (const auto& one : *volumes)
        if (one.is_object() && !text_of(one, "Name").empty()) out.push_back(volume_of(one));
    return out;
}

Result<Volume> PluginDriver::get(const std::string& volume) {
    BERTH_TRY(const auto answer, call("VolumeDriver.Get", {{"Name", volume}}));
    const auto found = answer.find("Volume");
    if (found == answer.end() || !found->is_object()) return fail(ErrorKind::kNotFound, "no such volume");
    Volume out = volume_of(*found);
    if (out.name.empty()) out.name = volume;
    return out;
}

Result<> PluginDriver::create(Volume& volume) {
    volume.scope = scope_;
    // What the plugin has already is taken as it is.
    auto there = get(volume.name);
    if (there) {
        volume.mountpoint = there->mountpoint;
        return folders_.add(volume, false);
    }
    BERTH_CHECK(call("VolumeDriver.Create", {{"Name", volume.name}, {"Opts", volume.options}}));
    auto added = folders_.add(volume, false);
    if (!added) (void)call("VolumeDriver.Remove", {{"Name", volume.name}});
    return added;
}

Result<> PluginDriver::remove(const Volume& volume) {
    auto removed = call("VolumeDriver.Remove", {{"Name", volume.name}});
    if (!removed) {
        // It may be gone already.
        auto there = get(volume.name);
        const bool gone = !there && there.error().kind == ErrorKind::kNotFound;
        if (!gone) return Failure(std::move(removed.error()));
    }
    return folders_.remove(volume.name);
}

Result<> PluginDriver::refresh(Volume& volume) {
    BERTH_TRY(const auto now, get(volume.name));
    volume.mountpoint = now.mountpoint;
    volume.status = now.status;
    volume.scope = scope_;
    if (now.created_at != kNever) volume.created_at = now.created_at;
    return {};
}

Result<std::string> PluginDriver::mount(const Volume& volume, const std::string& user) {
    BERTH_TRY(const auto answer, call("VolumeDriver.Mount", {{"Name", volume.name}, {"ID", user}}));
    std::string path = text_of(answer, "Mountpoint");
    if (path.starts_with('/') && path.find('\0') == path.npos) return path;
    (void)call("VolumeDriver.Unmount", {{"Name", volume.name}, {"ID", user}});
    return fail(ErrorKind::kInternal,
                "VolumeDriver.Mount: the plugin's mountpoint \"" + path + "\" is not absolute");
}

// The plugin counts by itself.
Result<> PluginDriver::unmount(const Volume& volume, const std::string& user, bool) {
    BERTH_CHECK(call("VolumeDriver.Unmount", {{"Name", volume.name}, {"ID", user}}));
    return {};
}

}  // namespace berth::volumes
