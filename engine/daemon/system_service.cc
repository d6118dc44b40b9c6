#include "engine/daemon/system_service.h"

#include <fmt/format.h>

#include <cstdlib>

#include "engine/api/common_headers.h"
#include "engine/api/compat.h"
#include "engine/base/time.h"
#include "engine/daemon/build_info.h"

namespace berth::daemon {

namespace {

// A proxy of the settings, else of the environment; without its password.
std::string proxy(const std::string& configured, const char* upper, const char* lower) {
    std::string url = configured;
    for (const char* name : {upper, lower}) {
        const char* value = std::getenv(name);
        if (url.empty() && value != nullptr) url = value;
    }
    auto scheme = url.find("://");
    auto at = url.rfind('@');
    if (scheme == std::string::npos || at == std::string::npos || at < scheme) return url;
    return url.substr(0, scheme + 3) + "xxxxx:xxxxx" + url.substr(at);
}

std::vector<std::string> warnings(const Config& config, const HostFacts& host) {
    std::vector<std::string> out;
    constexpr const char* kRoot = "Access to the remote API is equivalent to root access on the host.";
    for (const auto& address : config.hosts) {
        if (!address.starts_with("tcp://")) continue;
        if (!config.tls.value_or(false)) {
            out.push_back(
                fmt::format("[DEPRECATION NOTICE]: API is accessible on http://{} without encryption.\n"
                            "         {}",
                            address.substr(6), kRoot));
        } else if (!config.tls_verify.value_or(false)) {
            out.push_back(
                fmt::format("[DEPRECATION NOTICE]: API is accessible on https://{} without TLS client "
                            "verification.\n         {}",
                            address.substr(6), kRoot));
        }
    }
    if (!host.seccomp) out.push_back("WARNING: the kernel has no seccomp: containers run unconfined");
    return out;
}

}  // namespace

System::System(const Config& config, std::string engine_id, Counters counters)
    : config_(config),
      engine_id_(std::move(engine_id)),
      counters_(std::move(counters)),
      host_(read_host_facts()) {}

types::SystemVersion System::version() {
    types::SystemVersion out;
    out.platform_name = "Berth";
    out.version = api::kCompatVersion;
    out.api_version = api::version_text(api::kLatest);
    out.min_api_version = api::version_text(api::kOldest);
    out.git_commit = git_commit();
    out.go_version = "none (C++20)";
    out.os = "linux";
    out.arch = go_architecture(host_.architecture);
    out.kernel_version = host_.kernel_version;
    out.build_time = build_time();
    types::VersionComponent engine{"Engine", out.version, {}};
    engine.details = {{"ApiVersion", out.api_version},
                      {"Arch", out.arch},
                      {"BuildTime", out.build_time},
                      {"Experimental", "false"},
                      {"GitCommit", out.git_commit},
                      {"GoVersion", out.go_version},
                      {"KernelVersion", out.kernel_version},
                      {"MinAPIVersion", out.min_api_version},
                      {"Os", out.os}};
    out.components.push_back(std::move(engine));
    for (const char* name : {"berthd", "berth-runtime"}) {
        out.components.push_back({name, BERTH_VERSION, {{"GitCommit", out.git_commit}}});
    }
    return out;
}

Async<Result<types::SystemInfo>> System::info() {
    types::SystemInfo out;
    if (counters_.containers) {
        BERTH_CO_TRY(out.containers, co_await counters_.containers());
    }
    if (counters_.images) {
        BERTH_CO_TRY(out.images, co_await counters_.images());
    }
    if (counters_.event_listeners) out.event_listeners = counters_.event_listeners();
    out.id = engine_id_;
    out.name = host_.hostname;
    out.docker_root_dir = config_.data_root;
    out.server_version = api::kCompatVersion;
    out.driver = "overlayfs";
    out.driver_status = {{"driver-type", "io.containerd.snapshotter.v1"}};
    out.volume_plugins = {"local"};
    out.network_plugins = {"bridge", "host", "null"};
    out.authorization_plugins = config_.authorization_plugins;
    out.log_plugins = {"fluentd", "gelf", "journald", "json-file", "local", "syslog"};
    out.limits = host_.limits;
    out.limits.ipv4_forwarding = forwards_ipv4();
    out.debug = config_.debug;
    out.live_restore = config_.live_restore;
    out.open_files = open_descriptors();
    out.system_time = format_rfc3339_nano(now());
    out.logging_driver = config_.log_driver;
    out.cgroup_driver = "cgroupfs";
    out.cgroup_version = std::to_string(host_.cgroup_version);
    out.kernel_version = host_.kernel_version;
    out.operating_system = host_.operating_system;
    out.os_version = host_.os_version;
    out.os_type = "linux";
    out.architecture = host_.architecture;
    out.cpus = host_.cpus;
    out.memory_bytes = host_.memory_bytes;
    for (const auto& registry : config_.insecure_registries) {
        auto& list =
            registry.find('/') != std::string::npos ? out.insecure_registry_cidrs : out.insecure_registries;
        list.push_back(registry);
    }
    for (const char* loopback : {"::1/128", "127.0.0.0/8"})
        out.insecure_registry_cidrs.emplace_back(loopback);
    out.labels = config_.labels;
    if (host_.seccomp) out.security_options.push_back("name=seccomp,profile=" + config_.seccomp_profile);
    if (!config_.ids.empty()) out.security_options.push_back("name=userns");
    if (host_.cgroup_version == 2) out.security_options.push_back("name=cgroupns");
    if (config_.no_new_privileges) out.security_options.push_back("name=no-new-privileges");
    // Here, since every client shows all of these.
    if (config_.publish_to_loopback) out.security_options.push_back("name=publish-to-loopback");
    if (config_.publish_by_input) out.security_options.push_back("name=publish-by-input");
    out.warnings = warnings(config_, host_);
    out.runtimes = {{"runc", {"berth-runtime", {}}}, {"io.containerd.runc.v2", {"berth-runtime", {}}}};
    for (const auto& [name, runtime] : config_.runtimes)
        out.runtimes[name] = {runtime.path, runtime.arguments};
    out.default_runtime = config_.default_runtime;
    out.registry_mirrors = config_.registry_mirrors;
    out.init_binary = "";
    out.firewall_backend = counters_.firewall ? counters_.firewall() : config_.firewall_backend;
    out.http_proxy = proxy(config_.proxies.http, "HTTP_PROXY", "http_proxy");
    out.https_proxy = proxy(config_.proxies.https, "HTTPS_PROXY", "https_proxy");
    out.no_proxy = proxy(config_.proxies.none, "NO_PROXY", "no_proxy");
    co_return out;
}

}  // namespace berth::daemon
