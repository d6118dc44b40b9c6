#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/async/async.h"
#include "engine/async/blocking_pool.h"
#include "engine/plugins/plugin_directory.h"

namespace berth::plugins {

// What authorization plugins are told about a request, and later about its response. What is empty is left
// out.
struct AuthorizationCase {
    std::string user, user_method;  // the common name of the client's certificate, and "TLS"
    std::string method, uri;        // as requested, with the query
    std::string body;               // as requested; sent in base64
    std::map<std::string, std::string> headers;
    std::vector<std::string> certificates;  // of the client, PEM, its own first

    unsigned status = 0;
    std::string response_body;
    std::map<std::string, std::string> response_headers;
};

// The authorization plugins of the settings, asked one after the other: all of them must allow what a client
// wants. Io thread only.
class AuthorizationPlugins {
 public:
    AuthorizationPlugins(IoContext& io, async::BlockingPool& pool, PluginDirectory directory);
    ~AuthorizationPlugins();

    // From now on these, in this order. One that is not there yet is looked up when it is first asked, with
    // dockerd's patience; until then nothing is allowed.
    void use(std::vector<std::string> names);
    bool empty() const { return plugins_->empty(); }
    // Looks all of them up now: each must be there and say that it is one ("authz").
    Async<Result<>> greet_all();

    // AuthZPlugin.AuthZReq and AuthZPlugin.AuthZRes. A refusal is kForbidden ("authorization denied by plugin
    // NAME: its reason"), and a plugin that cannot be asked is kInternal: both mean no.
    Async<Result<>> ask_request(AuthorizationCase about);
    Async<Result<>> ask_response(AuthorizationCase about);

 private:
    struct Plugin {
        std::string name;
        std::optional<PluginAddress> address;  // once it has been greeted
    };
    using List = std::vector<std::shared_ptr<Plugin>>;
    Async<Result<>> ask(std::string method, AuthorizationCase about);
    Async<Result<PluginAddress>> look_up(std::string name);
    Async<Result<>> greet(std::shared_ptr<Plugin> plugin);

    IoContext& io_;
    async::BlockingPool& pool_;
    PluginDirectory directory_;
    std::shared_ptr<const List> plugins_;  // never null; replaced whole, so a round that is under way goes on
};

}  // namespace berth::plugins
