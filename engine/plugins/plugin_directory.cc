#include "engine/plugins/plugin_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"

namespace berth::plugins {

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

std::string text_of(const json& object, const char* name) {
    auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<PluginAddress> with_tls(std::string url, const http::TlsSettings& settings) {
    PluginAddress out{std::move(url), {}};
    if (!out.url.starts_with("https://")) return out;
    BERTH_TRY(out.tls, http::make_tls_context(settings));
    return out;
}

Result<PluginAddress> read_spec(const std::string& path) {
    BERTH_TRY(auto text, read_file(path, kMaxSpec));
    http::TlsSettings any;
    any.verify = false;
    return with_tls(trim(std::move(text)), any);
}

Result<PluginAddress> read_json_spec(const std::string& path) {
    BERTH_TRY(const auto text, read_file(path, kMaxSpec));
    const auto spec = json::parse(text, nullptr, false);
    if (!spec.is_object() || text_of(spec, "Addr").empty())
        return fail(ErrorKind::kInvalidArgument, "plugin file " + path + " has no \"Addr\"");
    const auto tls = spec.find("TLSConfig");
    if (tls == spec.end() || !tls->is_object()) return PluginAddress{text_of(spec, "Addr"), {}};
    http::TlsSettings settings;
    if (auto authority = text_of(*tls, "CAFile"); !authority.empty()) settings.authorities = {authority};
    const auto careless = tls->find("InsecureSkipVerify");
    settings.verify = !settings.authorities.empty() &&
                      !(careless != tls->end() && careless->is_boolean() && careless->get<bool>());
    if (auto certificate = text_of(*tls, "CertFile"); !certificate.empty())
        settings.certificates = {{certificate, text_of(*tls, "KeyFile")}};
    return in("plugin file " + path, with_tls(text_of(spec, "Addr"), settings));
}

}  // namespace

Result<PluginAddress> PluginDirectory::find(const std::string& name) const {
    const Failure unknown = fail(ErrorKind::kNotFound, "plugin \"" + name + "\" not found");
    // It becomes part of a path.
    if (name.empty() || name[0] == '.' || name.find('/') != name.npos || name.find('\0') != name.npos)
        return unknown;
    for (const auto& folder : folders_.sockets) {
        for (const auto& path : paths_of(folder, name, ".sock"))
            if (is_socket(path)) return PluginAddress{"unix://" + path, {}};
    }
    for (const auto& folder : folders_.specs) {
        for (const auto& path : paths_of(folder, name, ".spec"))
            if (exists(path)) return read_spec(path);
        for (const auto& path : paths_of(folder, name, ".json"))
            if (exists(path)) return read_json_spec(path);
    }
    return unknown;
}

std::set<std::string> PluginDirectory::names() const {
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
    for (const auto& folder : folders_.sockets) add(folder, {".sock"});
    for (const auto& folder : folders_.specs) add(folder, {".spec", ".json"});
    return out;
}

}  // namespace berth::plugins
