#include "engine/container/create_checks.h"

#include <algorithm>
#include <set>

#include "engine/container/defaults.h"
#include "engine/container/health.h"
#include "engine/container/networking.h"
#include "engine/container/ports.h"
#include "engine/container/resources.h"
#include "engine/container/security_options.h"
#include "engine/container/signals.h"
#include "engine/logs/log_driver.h"

namespace berth::container {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

bool is_line(const std::string& text) {
    return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; });
}

Result<> check_ulimits(const types::HostConfig& host) {
    static const std::set<std::string> kNames{"as",      "core",     "cpu",        "data",   "fsize", "locks",
                                              "memlock", "msgqueue", "nice",       "nofile", "nproc", "rss",
                                              "rtprio",  "rttime",   "sigpending", "stack"};
    for (const auto& limit : host.ulimits) {
        if (!kNames.contains(limit.name)) return bad("invalid ulimit type: " + limit.name);
        if (limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0)) {
            return bad("ulimit soft limit must be less than or equal to hard limit: " +
                       std::to_string(limit.soft) + " > " + std::to_string(limit.hard));
        }
    }
    return {};
}

Result<> unsupported(const char* field) {
    return fail(ErrorKind::kNotImplemented, std::string("HostConfig.") + field + " is not supported yet");
}

Result<> check_modes(types::HostConfig& host) {
    if (!host.userns_mode.empty() && host.userns_mode != "host")
        return bad("invalid user namespace mode: " + host.userns_mode);
    if (!host.uts_mode.empty() && host.uts_mode != "host") return bad("invalid UTS mode: " + host.uts_mode);
    if (!host.pid_mode.empty() && host.pid_mode != "host") {
        if (!host.pid_mode.starts_with("container:")) return bad("invalid PID mode: " + host.pid_mode);
        return unsupported("PidMode");
    }
    if (!host.isolation.empty() && host.isolation != "default") {
        return bad("invalid isolation '" + host.isolation + "' on linux");
    }
    if (host.ipc_mode.starts_with("container:")) return unsupported("IpcMode");
    if (host.ipc_mode != "private" && host.ipc_mode != "none" && host.ipc_mode != "host" &&
        host.ipc_mode != "shareable") {
        return bad("invalid IPC mode: " + host.ipc_mode);
    }
    if (!host.cgroupns_mode.empty() && host.cgroupns_mode != "host" && host.cgroupns_mode != "private") {
        return bad("invalid cgroup namespace mode: " + host.cgroupns_mode);
    }
    return {};
}

Result<> check_texts(const CreateRequest& request) {
    for (const auto& variable : request.config.env) {
        if (variable.empty() || variable[0] == '=' || variable.find('\0') != variable.npos) {
            return bad("invalid environment variable: " + variable);
        }
    }
    if (!is_line(request.config.hostname) || !is_line(request.config.domainname))
        return bad("invalid hostname format");
    if (request.config.hostname.size() > 63)
        return bad("invalid hostname format: " + request.config.hostname);
    for (const auto& extra : request.host.extra_hosts) {
        auto colon = extra.find_first_of(":=");
        if (!is_line(extra) || colon == 0 || colon == extra.npos || colon + 1 == extra.size()) {
            return bad("bad format for add-host: \"" + extra + "\"");
        }
    }
    for (const auto* list : {&request.host.dns, &request.host.dns_search, &request.host.dns_options}) {
        for (const auto& text : *list) {
            if (!is_line(text) || text.find(' ') != text.npos) return bad("invalid DNS setting: " + text);
        }
    }
    if (!request.config.stop_signal.empty()) BERTH_CHECK(parse_signal(request.config.stop_signal));
    const std::string& folder = request.config.working_dir;
    if (!folder.empty() && !folder.starts_with('/')) {
        return bad("the working directory '" + folder + "' is invalid, it needs to be an absolute path");
    }
    return {};
}

Result<> check_network(CreateRequest& request) {
    auto& mode = request.host.network_mode;
    if (mode.empty() || mode == "default") mode = "bridge";
    if (auto named = request.endpoints.extract("default")) {
        named.key() = "bridge";
        request.endpoints.insert(std::move(named));
    }
    if (!request.host.links.empty() && !is_user_network(mode)) {
        return fail(ErrorKind::kNotImplemented, "HostConfig.Links is not supported yet on network " + mode +
                                                    ": use a network of your own");
    }
    if (mode.starts_with("container:")) {
        request.endpoints.clear();
    } else {
        request.endpoints.try_emplace(mode);
    }
    if (request.endpoints.size() > 1 && (request.endpoints.contains("host") || mode == "host")) {
        return bad(
            "container sharing network namespace with another container or host cannot be connected to "
            "any other network");
    }
    if (request.endpoints.size() > 1 && request.endpoints.contains("none")) {
        return bad(
            "container cannot be connected to multiple networks with one of the networks in private "
            "(none) mode");
    }
    if (mode == "host" || mode.starts_with("container:")) {
        if (mode == "container:") return bad("invalid container format container:<name|id>");
        if (mode != "host" && !request.host.port_bindings.empty()) {
            return bad("conflicting options: port publishing and the container type network mode");
        }
        if (mode != "host" && !request.config.hostname.empty()) {
            return bad("conflicting options: hostname and the network mode");
        }
    }
    return {};
}

Result<> check_log(types::LogConfig& log, const ContainerConfig& config) {
    if (log.type.empty()) {
        log.type = config.default_log_driver;
        if (log.config.empty()) log.config = config.default_log_options;
    }
    return logs::check_log_options(log.type, log.config);
}

std::string_view variable_name(const std::string& variable) {
    return std::string_view(variable).substr(0, variable.find('='));
}

}  // namespace

Result<> check_and_complete(CreateRequest& request, const ContainerConfig& config) {
    BERTH_CHECK(check_texts(request));
    BERTH_CHECK(check_resources(request.host));
    BERTH_CHECK(check_restart_policy(request.host));
    BERTH_CHECK(apply_defaults(request.host, config));
    BERTH_CHECK(check_modes(request.host));
    BERTH_CHECK(check_network(request));
    BERTH_CHECK(parse_security_options(request.host.security_opt));
    BERTH_CHECK(check_ulimits(request.host));
    BERTH_CHECK(check_health(request.config.healthcheck));
    BERTH_CHECK(check_log(request.host.log_config, config));
    return {};
}

Result<> merge_image(types::ContainerConfig& config, const image::RunConfig& image) {
    if (config.user.empty()) config.user = image.user;
    if (config.working_dir.empty()) config.working_dir = image.working_dir;
    if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
    for (const auto& variable : image.env) {
        auto same = [&](const std::string& own) { return variable_name(own) == variable_name(variable); };
        if (std::none_of(config.env.begin(), config.env.end(), same)) config.env.push_back(variable);
    }
    config.labels.insert(image.labels.begin(), image.labels.end());
    config.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
    config.volumes.insert(image.volumes.begin(), image.volumes.end());
    if (config.shell.empty()) config.shell = image.shell;
    // An entrypoint of one's own drops the image's command as well.
    bool own_entrypoint = config.entrypoint && !config.entrypoint->empty();
    if (!own_entrypoint) {
        bool cleared = config.entrypoint && config.entrypoint->empty();
        if (!config.cmd || config.cmd->empty()) config.cmd = image.cmd;
        if (!cleared && !image.entrypoint.empty()) config.entrypoint = image.entrypoint;
    } else if (config.entrypoint->size() == 1 && config.entrypoint->front().empty()) {
        config.entrypoint.reset();  // --entrypoint ""
    }
    bool nothing = (!config.cmd || config.cmd->empty()) && (!config.entrypoint || config.entrypoint->empty());
    if (nothing) return bad("no command specified");
    return {};
}

}  // namespace berth::container
