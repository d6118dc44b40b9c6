#include "engine/container/create_checks.h"

#include <arpa/inet.h>
#include <limits.h>

#include <algorithm>
#include <set>

#include "engine/base/clean_path.h"
#include "engine/container/defaults.h"
#include "engine/container/health.h"
#include "engine/container/log_plan.h"
#include "engine/container/networking.h"
#include "engine/container/ports.h"
#include "engine/container/references.h"
#include "engine/container/resources.h"
#include "engine/container/security_options.h"
#include "engine/container/signals.h"
#include "engine/container/user_space.h"
#include "engine/logs/log_driver.h"
#include "engine/spec/capabilities.h"
#include "engine/spec/container_spec.h"

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

bool is_one_of(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

Result<> check_namespaces(types::HostConfig& host) {
    const bool joins = !joined_ref(host.pid_mode).empty();
    if (!is_one_of(host.pid_mode, {"", "host"}) && !joins) return bad("invalid PID mode: " + host.pid_mode);
    if (!is_one_of(host.ipc_mode, {"private", "none", "host", "shareable"}) &&
        joined_ref(host.ipc_mode).empty())
        return bad("invalid IPC mode: " + host.ipc_mode);
    if (!is_one_of(host.uts_mode, {"", "host"})) return bad("invalid UTS mode: " + host.uts_mode);
    if (!is_one_of(host.userns_mode, {"", "host"}))
        return bad("invalid user namespace mode: " + host.userns_mode);
    if (!is_one_of(host.cgroupns_mode, {"", "host", "private"}))
        return bad("invalid cgroup namespace mode: " + host.cgroupns_mode);
    return {};
}

Result<> check_modes(types::HostConfig& host) {
    BERTH_CHECK(check_namespaces(host));
    if (!is_one_of(host.isolation, {"", "default"}))
        return bad("invalid isolation (" + host.isolation + "): linux only supports 'default'");
    if (host.shm_size < 0) return bad("SHM size can not be less than 0");
    if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000) {
        return bad("Invalid value " + std::to_string(host.oom_score_adj) +
                   ", range for oom score adj is [-1000, 1000]");
    }
    for (const auto& [name, value] : host.annotations) {
        if (name.empty())
            return bad("invalid Annotations: the empty string is not permitted as an annotation key");
    }
    // A layer of this engine has no quota.
    for (const auto& [name, value] : host.storage_opt) {
        if (name != "size") return fail(ErrorKind::kInternal, "Unknown option " + name);
        return fail(ErrorKind::kInternal,
                    "--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
    }
    return {};
}

Result<> check_capabilities(const types::HostConfig& host) {
    static const auto kAvailable = spec::host_facts().capabilities;
    BERTH_CHECK(spec::choose_capabilities(host.cap_add, host.cap_drop, host.privileged, kAvailable));
    return {};
}

bool is_address(const std::string& text) {
    unsigned char bytes[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// "name:address", "name=address", "name:[v6]", "name:host-gateway"
Result<> check_extra_host(const std::string& extra) {
    auto split = extra.find('=');
    if (split == extra.npos) split = extra.find(':');
    if (!is_line(extra) || split == 0 || split == extra.npos)
        return bad("bad format for add-host: \"" + extra + "\"");
    std::string address = extra.substr(split + 1);
    if (address == "host-gateway") return {};
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    return is_address(address) ? Result<>() : bad("invalid IP address in add-host: \"" + address + "\"");
}

Result<> check_texts(CreateRequest& request) {
    for (const auto& variable : request.config.env) {
        if (variable.empty() || variable[0] == '=' || variable.find('\0') != variable.npos) {
            return bad("invalid environment variable: " + variable);
        }
    }
    if (!is_line(request.config.hostname) || !is_line(request.config.domainname))
        return bad("invalid hostname format");
    if (request.config.hostname.size() > HOST_NAME_MAX) {
        return bad("hostname \"" + request.config.hostname + "\" is too long (maximum " +
                   std::to_string(HOST_NAME_MAX) + " bytes)");
    }
    for (const auto& extra : request.host.extra_hosts) BERTH_CHECK(check_extra_host(extra));
    for (const auto* list : {&request.host.dns, &request.host.dns_search, &request.host.dns_options}) {
        for (const auto& text : *list)
            if (!is_line(text)) return bad("invalid DNS setting: " + text);
    }
    if (!request.config.stop_signal.empty()) BERTH_CHECK(parse_signal(request.config.stop_signal));
    std::string& folder = request.config.working_dir;
    if (!folder.empty() && !folder.starts_with('/'))
        return bad("the working directory '" + folder + "' is invalid, it needs to be an absolute path");
    if (!folder.empty()) folder = clean_path(folder);
    return {};
}

// What another container's network does not let one say.
Result<> check_joined_network(const CreateRequest& request) {
    const auto& host = request.host;
    auto conflict = [](const char* what) { return bad(std::string("conflicting options: ") + what); };
    if (!request.config.hostname.empty()) return conflict("hostname and the network mode");
    if (!host.links.empty()) {
        return conflict(
            "container type network can't be used with links. This would result in undefined behavior");
    }
    if (!host.dns.empty()) return conflict("dns and the network mode");
    if (!host.extra_hosts.empty()) return conflict("custom host-to-IP mapping and the network mode");
    if (!request.config.mac_address.empty()) return conflict("mac-address and the network mode");
    if (!host.port_bindings.empty() || host.publish_all_ports)
        return conflict("port publishing and the container type network mode");
    if (!request.config.exposed_ports.empty())
        return conflict("port exposing and the container type network mode");
    return {};
}

Result<> check_network(CreateRequest& request, std::vector<std::string>& warnings) {
    auto& mode = request.host.network_mode;
    if (mode.empty() || mode == "default") mode = "bridge";
    if (auto named = request.endpoints.extract("default")) {
        named.key() = "bridge";
        request.endpoints.insert(std::move(named));
    }
    if (mode == "container:")
        return bad("invalid network mode: invalid container format container:<name|id>");
    if (mode.starts_with("container:")) BERTH_CHECK(check_joined_network(request));
    if (request.host.uts_mode == "host" && !request.config.hostname.empty())
        return bad("conflicting options: hostname and the UTS mode");
    if (mode == "host" && !request.host.links.empty()) {
        return bad(
            "conflicting options: host type networking can't be used with links. This would result in "
            "undefined behavior");
    }
    if (mode == "host" && !request.host.port_bindings.empty())
        warnings.emplace_back("Published ports are discarded when using host network mode");
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
    // Networks of a user's own have names: their links are their endpoints'.
    if (is_user_network(mode)) {
        auto& endpoint = request.endpoints[mode];
        if (endpoint.links.empty()) endpoint.links = request.host.links;
        request.host.links.clear();
    }
    return {};
}

Result<> check_log(types::LogConfig& log, const ContainerConfig& config) {
    if (log.type.empty()) log.type = config.default_log_driver;
    // The daemon's options are for its own driver, but for those of a cache.
    for (const auto& [key, value] : config.default_log_options) {
        if (log.type == config.default_log_driver || key.starts_with("cache-"))
            log.config.emplace(key, value);
    }
    BERTH_CHECK(logs::check_log_options(log.type, log.config));
    return check_log_templates(log);
}

std::string_view variable_name(const std::string& variable) {
    return std::string_view(variable).substr(0, variable.find('='));
}

}  // namespace

Result<> check_and_complete(CreateRequest& request, const ContainerConfig& config,
                            std::vector<std::string>& warnings) {
    static const cgroup::HostSupport kSupport = cgroup::read_host_support();
    auto& host = request.host;
    BERTH_CHECK(check_texts(request));
    BERTH_CHECK(check_capabilities(host));
    BERTH_CHECK(check_resources(host, kSupport, false, warnings));
    BERTH_CHECK(check_restart_policy(host));
    BERTH_CHECK(apply_defaults(host, config));
    BERTH_CHECK(check_modes(host));
    BERTH_CHECK(check_network(request, warnings));
    BERTH_CHECK(check_user_space(host, config));
    BERTH_CHECK(parse_security_options(host.security_opt));
    BERTH_CHECK(check_ulimits(host));
    BERTH_CHECK(check_health(request.config.healthcheck));
    BERTH_CHECK(check_log(host.log_config, config));
    complete_resources(host, kSupport);
    complete_security_options(host);
    host.console_size.resize(2);
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
