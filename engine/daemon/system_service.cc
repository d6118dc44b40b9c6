#include "engine/daemon/system_service.h"

#include <cstdlib>

#include "engine/api/common_headers.h"
#include "engine/api/compat.h"
#include "engine/base/time.h"
#include "engine/daemon/build_info.h"

namespace berth::daemon {

namespace {

std::string environment(const char* upper, const char* lower) {
    const char* value = std::getenv(upper);
    if (value == nullptr) value = std::getenv(lower);
    return value == nullptr ? "" : value;
}

std::vector<std::string> warnings(const Config& config, const HostFacts& host) {
    std::vector<std::string> out;
    for (const auto& address : config.hosts) {
        if (!address.starts_with("tcp://")) continue;
        out.push_back("WARNING: API is accessible on http://" + address.substr(6) +
                      " without encryption.\n         Access to the remote API is equivalent to root access "
                      "on the host.");
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
    out.log_plugins = {"json-file", "local"};
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
    out.insecure_registry_cidrs = {"::1/128", "127.0.0.0/8"};
    for (const auto& registry : config_.insecure_registries) {
        auto& list =
            registry.find('/') != std::string::npos ? out.insecure_registry_cidrs : out.insecure_registries;
        list.push_back(registry);
    }
    out.labels = config_.labels;
    if (host_.seccomp) out.security_options.push_back("name=seccomp,profile=builtin");
    if (host_.cgroup_version == 2) out.security_options.push_back("name=cgroupns");
    out.warnings = warnings(config_, host_);
    out.runtimes = {{"runc", {"berth-runtime"}}, {"io.containerd.runc.v2", {"berth-runtime"}}};
    out.default_runtime = "runc";
    out.init_binary = "";
    out.firewall_backend = "iptables";
    out.http_proxy = environment("HTTP_PROXY", "http_proxy");
    out.https_proxy = environment("HTTPS_PROXY", "https_proxy");
    out.no_proxy = environment("NO_PROXY", "no_proxy");
    co_return out;
}

}  // namespace berth::daemon
