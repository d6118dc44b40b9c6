#include "engine/container/runtime_plan.h"

#include <algorithm>

#include "engine/base/files.h"
#include "engine/container/defaults.h"
#include "engine/container/environment.h"
#include "engine/container/health.h"
#include "engine/container/log_plan.h"
#include "engine/container/resources.h"
#include "engine/container/root_mounts.h"
#include "engine/container/security_options.h"
#include "engine/container/user_space.h"
#include "engine/spec/container_spec.h"
#include "engine/spec/user_lookup.h"

namespace berth::container {

namespace {

// A mount that is to share with the host needs a root that does.
std::string root_propagation(const std::vector<MountPoint>& mounts) {
    std::string needed;
    for (const auto& mount : mounts) {
        if (mount.propagation.ends_with("shared")) return "shared";
        if (mount.propagation.ends_with("slave")) needed = "slave";
    }
    return needed;
}

spec::NamespaceChoice namespace_of(const std::string& mode) {
    spec::NamespaceChoice choice;
    choice.host = mode == "host";
    return choice;
}

void set_namespaces(const Container& container, const PlanInputs& inputs, spec::ContainerSpec& out) {
    out.network.host = container.network == "host" && !container.config.network_disabled;
    out.network.path = inputs.netns;
    out.network.shared = container.network.starts_with("container:") && !container.config.network_disabled;
    out.pid = namespace_of(container.host.pid_mode);
    out.pid.path = inputs.pid_ns;
    out.ipc = namespace_of(container.host.ipc_mode);
    out.ipc.path = inputs.ipc_ns;
    out.shm_source = inputs.shm_source;
    out.uts = namespace_of(container.host.uts_mode);
    out.ipc_none = container.host.ipc_mode == "none";
    out.cgroup = namespace_of(container.host.cgroupns_mode);
}

// No driver of devices is there to ask, as in dockerd on a host without one.
Result<> refuse_device_requests(const types::HostConfig& host) {
    for (const auto& request : host.device_requests) {
        if (request.driver == "cdi") {
            std::string devices;
            for (const auto& id : request.device_ids) devices += (devices.empty() ? "" : ", ") + id;
            return fail(ErrorKind::kInternal,
                        "CDI device injection failed: unresolvable CDI devices " + devices);
        }
        std::string wanted;
        for (const auto& all_of : request.capabilities) {
            std::string group;
            for (const auto& name : all_of) group += (group.empty() ? "" : " ") + name;
            wanted += (wanted.empty() ? "[" : " [") + group + "]";
        }
        return fail(ErrorKind::kInternal, "could not select device driver \"" + request.driver +
                                              "\" with capabilities: [" + wanted + "]");
    }
    return {};
}

std::vector<std::string> cgroup_folders(const std::string& root, const std::string& path, bool v2) {
    if (v2) return {root + path};
    // One for the OOM count, one to find every process by.
    return {root + "/memory" + path, root + "/pids" + path};
}

}  // namespace

Result<RuntimePlan> make_runtime_plan(const Core& core, const Container& container,
                                      const PlanInputs& inputs) {
    static const spec::HostFacts kHost = spec::host_facts();
    const auto& host = container.host;
    BERTH_TRY(auto user, spec::look_up_user(inputs.root.get(), container.config.user, host.group_add));
    const auto& ids = maps_of(core.parts.config, host);
    BERTH_CHECK(check_mapped(ids, user.user));
    BERTH_TRY(auto security, parse_security_options(host.security_opt));
    if (security.writable_cgroups && !core.parts.config.ids.empty())
        return fail(ErrorKind::kInternal,
                    "option WritableCgroups conflicts with user namespaces and rootless mode");
    BERTH_CHECK(refuse_device_requests(host));
    spec::ContainerSpec out;
    out.args = container.args;
    out.args.insert(out.args.begin(), container.path);
    out.env = environment(container, user.home, container.config.tty, inputs.linked, {});
    if (!container.config.working_dir.empty()) out.cwd = container.config.working_dir;
    out.user = user.user;
    out.terminal = container.config.tty;
    if (out.terminal && host.console_size.size() == 2 && host.console_size[0] != 0) {
        out.console_size = oci::Box{host.console_size[0], host.console_size[1]};
    }
    if (host.init.value_or(core.parts.config.init)) out.init_path = core.parts.config.init_path;
    out.hostname = container.config.hostname;
    out.domainname = container.config.domainname;
    set_namespaces(container, inputs, out);
    out.ids = ids;
    out.user_path = inputs.user_ns;
    out.cgroups_path = core.cgroup_path(container);
    out.readonly_root = host.readonly_rootfs;
    BERTH_TRY(out.mounts, root_mounts(core, container, inputs.mounts));
    out.shm_size = host.shm_size;
    out.rootfs_propagation = root_propagation(inputs.mounts);
    out.privileged = host.privileged;
    out.cap_add = host.cap_add;
    out.cap_drop = host.cap_drop;
    out.no_new_privileges = no_new_privileges(host, security.no_new_privileges, core.parts.config);
    out.seccomp = seccomp_profile(host, security.seccomp, core.parts.config);
    out.apparmor = security.apparmor;
    out.masked_paths = host.masked_paths;
    out.readonly_paths = host.readonly_paths;
    out.writable_cgroups = security.writable_cgroups;
    BERTH_TRY(out.resources, resources(host));
    for (const auto& device : host.devices) {
        out.devices.push_back({device.path_on_host, device.path_in_container,
                               device.cgroup_permissions.empty() ? "rwm" : device.cgroup_permissions});
    }
    out.device_cgroup_rules = host.device_cgroup_rules;
    out.rlimits = rlimits(host, core.parts.config);
    out.sysctls = host.sysctls;
    out.oom_score_adj = static_cast<int>(host.oom_score_adj);
    out.annotations = host.annotations;
    BERTH_TRY(auto log, in("failed to initialize logging driver", log_plan(core, container)));
    BERTH_TRY(auto built, spec::build_spec(out, kHost));
    return RuntimePlan{oci::render(built),
                       cgroup_folders(core.parts.config.cgroup_root, out.cgroups_path, kHost.cgroup_v2),
                       health_spec(container, *built.process), std::move(log)};
}

}  // namespace berth::container
