#include "volumes/plugins.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/log.h"

namespace berth::volumes {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxSpec = 64 << 10;

bool is_socket(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

std::string trim(std::string text) {
    text.erase(0, text.find_first_not_of(" \t\r\n"));
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    return text;
}

// Both places that a plugin's file may lie at.
std::vector<std::string> paths_of(const std::string& folder, const std::string& name, const char* extension) {
    return {folder + "/" + name + extension, folder + "/" + name + "/" + name + extension};
}

Result<std::string> read_json_spec(const std::string& path) {
    BERTH_TRY(const auto text, read_file(path, kMaxSpec));
    const auto spec = json::parse(text, nullptr, false);
    if (!spec.is_object() || !spec.contains("Addr") || !spec["Addr"].is_string())
        return fail(ErrorKind::kInvalidArgument, "plugin file " + path + " has no \"Addr\"");
    if (auto tls = spec.find("TLSConfig"); tls != spec.end() && !tls->is_null())
        return fail(ErrorKind::kNotImplemented, "plugin file " + path + ": TLSConfig is not supported yet");
    return spec["Addr"].get<std::string>();
}

}  // namespace

Result<std::string> Plugins::address_of(const std::string& name) const {
    const Failure unknown = fail(ErrorKind::kNotFound, "plugin \"" + name + "\" not found");
    // It becomes part of a path.
    if (name.empty() || name[0] == '.' || name.find('/') != name.npos || name.find('\0') != name.npos)
        return unknown;
    for (const auto& folder : places_.sockets) {
        for (const auto& path : paths_of(folder, name, ".sock"))
            if (is_socket(path)) return "unix://" + path;
    }
    for (const auto& folder : places_.specs) {
        for (const auto& path : paths_of(folder, name, ".spec")) {
            if (!exists(path)) continue;
            BERTH_TRY(auto text, read_file(path, kMaxSpec));
            return trim(std::move(text));
        }
        for (const auto& path : paths_of(folder, name, ".json"))
            if (exists(path)) return read_json_spec(path);
    }
    return unknown;
}

std::set<std::string> Plugins::names() const {
    std::set<std::string> out;
    auto add = [&](const std::string& folder, std::initializer_list<std::string_view> extensions) {
        const auto entries = list_folder(folder);
        for (const std::string& entry : entries ? *entries : std::vector<std::string>()) {
            const auto dot = entry.rfind('.');
            const std::string_view extension = dot == entry.npos ? "" : std::string_view(entry).substr(dot);
            if (dot == entry.npos)
                out.insert(entry);
            else if (std::find(extensions.begin(), extensions.end(), extension) != extensions.end())
                out.insert(entry.substr(0, dot));
        }
    };
    for (const auto& folder : places_.sockets) add(folder, {".sock"});
    for (const auto& folder : places_.specs) add(folder, {".spec", ".json"});
    return out;
}

Result<VolumeDriver*> Plugins::find(const std::string& name) {
    {
        std::lock_guard lock(mutex_);
        if (auto known = drivers_.find(name); known != drivers_.end()) return known->second.get();
    }
    const std::string phrase = "error looking up volume plugin " + name;
    if (!call_) return fail(ErrorKind::kNotFound, phrase + ": plugin \"" + name + "\" not found");
    auto address = [this, name] { return address_of(name); };
    auto driver = std::make_unique<PluginDriver>(folders_, name, std::move(address), call_);
    BERTH_CHECK(in(phrase, driver->activate()));
    std::lock_guard lock(mutex_);
    return drivers_.try_emplace(name, std::move(driver)).first->second.get();
}

std::vector<PluginDriver*> Plugins::all() {
    for (const auto& name : call_ ? names() : std::set<std::string>()) {
        // Most are not of our kind; those that cannot be reached are nobody's loss here.
        if (auto found = find(name); !found)
            log::debug("not a volume plugin", {{"plugin", name}, {"error", found.error().message}});
    }
    std::lock_guard lock(mutex_);
    std::vector<PluginDriver*> out;
    for (const auto& [name, driver] : drivers_) out.push_back(driver.get());
    return out;
}

std::vector<Volume> Plugins::list() {
    std::vector<Volume> out;
    for (PluginDriver* driver : all()) {
        auto volumes = driver->list();
        if (!volumes) {
            log::warning("a volume plugin does not answer", {{"error", volumes.error().message}});
            continue;
        }
        std::move(volumes->begin(), volumes->end(), std::back_inserter(out));
    }
    return out;
}

std::optional<Volume> Plugins::find_volume(const std::string& name) {
    for (PluginDriver* driver : all())
        if (auto volume = driver->get(name)) return std::move(*volume);
    return std::nullopt;
}

}  // namespace berth::volumes
