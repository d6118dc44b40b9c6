#include "engine/plugins/authorization.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/base64.h"
#include "engine/base/log.h"
#include "engine/plugins/plugin_call.h"

namespace berth::plugins {

namespace {

using nlohmann::json;

constexpr auto kFirstPause = std::chrono::seconds(1), kLastPause = std::chrono::seconds(8);

// {"User", "UserAuthNMethod", "RequestMethod", "RequestUri", "RequestBody", "RequestHeaders",
//  "RequestPeerCertificates", "ResponseStatusCode", "ResponseBody", "ResponseHeaders"}; bytes are base64.
std::string render(const AuthorizationCase& about) {
    json out = json::object();
    auto text = [&](const char* name, const std::string& value) {
        if (!value.empty()) out[name] = value;
    };
    text("User", about.user);
    text("UserAuthNMethod", about.user_method);
    text("RequestMethod", about.method);
    text("RequestUri", about.uri);
    text("RequestBody", to_base64(about.body));
    if (!about.headers.empty()) out["RequestHeaders"] = about.headers;
    for (const auto& certificate : about.certificates)
        out["RequestPeerCertificates"].push_back(to_base64(certificate));
    if (about.status != 0) out["ResponseStatusCode"] = about.status;
    text("ResponseBody", to_base64(about.response_body));
    if (!about.response_headers.empty()) out["ResponseHeaders"] = about.response_headers;
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

// {"Allow": bool, "Msg": "…"}
Result<> verdict_of(const std::string& name, const std::string& answer) {
    const auto parsed = json::parse(answer, nullptr, false);
    if (!parsed.is_object())
        return fail(ErrorKind::kInternal,
                    "plugin " + name + " failed with error: its answer is no JSON object");
    if (auto allow = parsed.find("Allow"); allow != parsed.end() && *allow == true) return {};
    const auto reason = parsed.find("Msg");
    const bool said = reason != parsed.end() && reason->is_string();
    return fail(ErrorKind::kForbidden, "authorization denied by plugin " + name + ": " +
                                           (said ? reason->get<std::string>() : std::string()));
}

}  // namespace

AuthorizationPlugins::AuthorizationPlugins(IoContext& io, async::BlockingPool& pool,
                                           PluginDirectory directory)
    : io_(io), pool_(pool), directory_(std::move(directory)), plugins_(std::make_shared<List>()) {}

AuthorizationPlugins::~AuthorizationPlugins() = default;

Async<Result<PluginAddress>> AuthorizationPlugins::look_up(std::string name) {
    for (auto pause = kFirstPause;; pause *= 2) {
        auto find = [this, &name] { return directory_.find(name); };
        auto found = co_await pool_.run(find);
        const bool missing = !found && found.error().kind == ErrorKind::kNotFound;
        if (!missing || pause > kLastPause) co_return found;
        log::warning("cannot find a plugin, trying again", {{"plugin", name}});
        BERTH_CO_CHECK(co_await async::sleep_for(pause));
    }
}

Async<Result<>> AuthorizationPlugins::greet(std::shared_ptr<Plugin> plugin) {
    if (plugin->address) co_return Result<>();
    BERTH_CO_TRY(auto address, co_await look_up(plugin->name));
    PluginRequest request{address, "Plugin.Activate", "{}"};
    auto answer = co_await call_plugin_patiently(io_, std::move(request));
    if (!answer) co_return in("legacy plugin", Result<>(Failure(std::move(answer.error()))));
    BERTH_CO_CHECK(in("legacy plugin", check_manifest(*answer, plugin->name, "authz")));
    plugin->address = std::move(address);
    co_return Result<>();
}

void AuthorizationPlugins::use(std::vector<std::string> names) {
    auto next = std::make_shared<List>();
    for (auto& name : names) {
        const auto same = [&](const auto& known) { return known->name == name; };
        if (std::any_of(next->begin(), next->end(), same)) continue;
        // One that has been greeted already stays so.
        auto known = std::find_if(plugins_->begin(), plugins_->end(), same);
        next->push_back(known != plugins_->end() ? *known
                                                 : std::make_shared<Plugin>(Plugin{std::move(name), {}}));
    }
    plugins_ = std::move(next);
}

Async<Result<>> AuthorizationPlugins::greet_all() {
    const auto plugins = plugins_;
    for (const auto& plugin : *plugins) BERTH_CO_CHECK(co_await greet(plugin));
    co_return Result<>();
}

Async<Result<>> AuthorizationPlugins::ask(std::string method, AuthorizationCase about) {
    const std::string body = render(about);
    const auto plugins = plugins_;
    for (const auto& plugin : *plugins) {
        auto answer = Result<std::string>(std::string());
        auto greeted = co_await greet(plugin);
        if (greeted) {
            PluginRequest request{*plugin->address, method, body};
            answer = co_await call_plugin_patiently(io_, std::move(request));
        } else {
            answer = Failure(std::move(greeted.error()));
        }
        if (!answer)
            co_return fail(ErrorKind::kInternal,
                           "plugin " + plugin->name + " failed with error: " + answer.error().message);
        BERTH_CO_CHECK(verdict_of(plugin->name, *answer));
    }
    co_return Result<>();
}

Async<Result<>> AuthorizationPlugins::ask_request(AuthorizationCase about) {
    return ask("AuthZPlugin.AuthZReq", std::move(about));
}

Async<Result<>> AuthorizationPlugins::ask_response(AuthorizationCase about) {
    return ask("AuthZPlugin.AuthZRes", std::move(about));
}

}  // namespace berth::plugins
