#include "engine/container/defaults.h"

#include <algorithm>
#include <cctype>

namespace berth::container {

Result<RuntimeProgram> find_runtime(const std::string& name, const ContainerConfig& config) {
    auto found = config.defaults.runtimes.find(name.empty() ? config.defaults.runtime : name);
    if (found != config.defaults.runtimes.end()) return found->second;
    return fail(ErrorKind::kInvalidArgument, "unknown or invalid runtime name: " + name);
}

Result<> apply_defaults(types::HostConfig& host, const ContainerConfig& config) {
    const ContainerDefaults& defaults = config.defaults;
    if (host.runtime.empty()) host.runtime = defaults.runtime;
    BERTH_CHECK(find_runtime(host.runtime, config));
    if (host.ipc_mode.empty()) host.ipc_mode = defaults.ipc_mode;
    if (host.cgroupns_mode.empty())
        host.cgroupns_mode = host.privileged && !config.cgroup_v2 ? "host" : defaults.cgroupns_mode;
    if (host.shm_size == 0) host.shm_size = defaults.shm_size;
    return {};
}

std::vector<oci::Rlimit> rlimits(const types::HostConfig& host, const ContainerConfig& config) {
    std::vector<types::Ulimit> limits = host.ulimits;
    for (const auto& given : config.ulimits) {
        auto same = [&](const types::Ulimit& own) { return own.name == given.name; };
        if (std::none_of(limits.begin(), limits.end(), same)) limits.push_back(given);
    }
    std::vector<oci::Rlimit> out;
    for (const auto& limit : limits) {
        std::string type = "RLIMIT_" + limit.name;
        std::transform(type.begin(), type.end(), type.begin(),
                       [](unsigned char c) { return std::toupper(c); });
        // -1 is "no limit" in both worlds.
        out.push_back({type, static_cast<std::uint64_t>(limit.soft), static_cast<std::uint64_t>(limit.hard)});
    }
    return out;
}

bool no_new_privileges(const types::HostConfig& host, bool asked, const ContainerConfig& config) {
    auto names_it = [](const std::string& option) { return option.starts_with("no-new-privileges"); };
    const bool says = std::any_of(host.security_opt.begin(), host.security_opt.end(), names_it);
    return says ? asked : config.no_new_privileges;
}

std::string seccomp_profile(const types::HostConfig& host, const std::string& asked,
                            const ContainerConfig& config) {
    return asked.empty() && !host.privileged ? config.seccomp_profile : asked;
}

}  // namespace berth::container
