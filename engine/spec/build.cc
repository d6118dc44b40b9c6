#include <algorithm>
#include <set>

#include "engine/spec/capabilities.h"
#include "engine/spec/container_spec.h"
#include "engine/spec/devices.h"
#include "engine/spec/seccomp.h"
#include "engine/spec/tmpfs_options.h"

namespace berth::spec {

namespace {

constexpr const char* kInitTarget = "/sbin/docker-init";

std::vector<oci::SpecMount> default_mounts() {
    return {{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
            {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
            {"/dev/pts",
             "devpts",
             "devpts",
             {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
            {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
            {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
            {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
            {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777"}}};
}

std::vector<std::string> default_masked(const HostFacts& host) {
    std::vector<std::string> out{"/proc/acpi",
                                 "/proc/asound",
                                 "/proc/interrupts",
                                 "/proc/kcore",
                                 "/proc/keys",
                                 "/proc/latency_stats",
                                 "/proc/sched_debug",
                                 "/proc/scsi",
                                 "/proc/timer_list",
                                 "/proc/timer_stats",
                                 "/sys/devices/virtual/powercap",
                                 "/sys/firmware"};
    out.insert(out.end(), host.thermal_paths.begin(), host.thermal_paths.end());
    return out;
}

oci::DeviceRule rule(bool allow, std::int64_t major, std::int64_t minor) {
    return {allow, "c", major, minor, "rwm"};
}

// null, zero, full, random, urandom, tty, console; fuse never. The runtime adds what it makes itself.
std::vector<oci::DeviceRule> default_device_rules() {
    oci::DeviceRule none;
    none.access = "rwm";
    return {none,
            rule(true, 1, 5),
            rule(true, 1, 3),
            rule(true, 1, 9),
            rule(true, 1, 8),
            rule(true, 5, 0),
            rule(true, 5, 1),
            rule(false, 10, 229)};
}

void remove_option(oci::SpecMount& mount, std::string_view option) {
    mount.options.erase(std::remove(mount.options.begin(), mount.options.end(), option), mount.options.end());
}

// A user's mount takes the place of a default one; a user's /dev takes all below it along.
std::vector<oci::SpecMount> kept_defaults(const ContainerSpec& from, const std::set<std::string>& targets) {
    std::vector<oci::SpecMount> out;
    for (auto& mount : default_mounts()) {
        if (targets.count(mount.destination) > 0) continue;
        if (targets.count("/dev") > 0 && mount.destination.starts_with("/dev/")) continue;
        if (mount.destination == "/dev/shm") {
            if (from.ipc_none) continue;
            if (from.ipc.host || !from.shm_source.empty()) {
                const std::string source = from.ipc.host ? "/dev/shm" : from.shm_source;
                out.push_back({"/dev/shm", "bind", source, {"rbind", "rprivate"}});
                continue;
            }
            mount.options.push_back("size=" + std::to_string(from.shm_size));
        }
        out.push_back(std::move(mount));
    }
    return out;
}

bool stays_writable(const std::string& target) {
    return target == "/proc" || target == "/dev" || target == "/dev/pts" || target == "/dev/shm" ||
           target == "/dev/mqueue";
}

Result<std::vector<oci::SpecMount>> build_mounts(const ContainerSpec& from) {
    std::set<std::string> targets;
    for (const auto& mount : from.mounts) targets.insert(mount.target);
    auto out = kept_defaults(from, targets);
    if (!from.init_path.empty() && from.pid.own()) {
        out.push_back({kInitTarget, "bind", from.init_path, {"bind", "ro"}});
    }
    for (const auto& mount : from.mounts) {
        auto options = mount.options;
        if (mount.type == "tmpfs") {
            BERTH_TRY(options, merge_tmpfs_options(mount.options));
        }
        out.push_back({mount.target, mount.type, mount.source, std::move(options)});
    }
    for (auto& mount : out) {
        if (from.readonly_root && targets.count(mount.destination) == 0 &&
            !stays_writable(mount.destination) &&
            std::find(mount.options.begin(), mount.options.end(), "ro") == mount.options.end()) {
            mount.options.emplace_back("ro");
        }
        // In a user namespace they are only the container's own, to hand on.
        const bool cgroups = from.writable_cgroups.value_or(from.privileged || !from.ids.empty());
        const bool writable =
            mount.type == "cgroup" ? cgroups : from.privileged && mount.destination == "/sys";
        if (writable) remove_option(mount, "ro");
    }
    return out;
}

std::vector<oci::IdMapping> mappings(const std::vector<IdRange>& ranges) {
    std::vector<oci::IdMapping> out;
    for (const auto& range : ranges) out.push_back({range.inside, range.outside, range.count});
    return out;
}

std::vector<oci::Namespace> build_namespaces(const ContainerSpec& from) {
    std::vector<oci::Namespace> out{{"mount", ""}};
    auto add = [&](const char* type, const NamespaceChoice& choice) {
        if (!choice.host) out.push_back({type, choice.path});
    };
    if (!from.ids.empty()) out.push_back({"user", from.user_path});
    add("network", from.network);
    add("uts", from.uts);
    add("pid", from.pid);
    add("ipc", from.ipc);
    add("cgroup", from.cgroup);
    return out;
}

std::map<std::string, std::string> build_sysctls(const ContainerSpec& from, const HostFacts& host) {
    auto out = from.sysctls;
    // The specification's own field came late: runc knows it since 1.2.
    if (!from.domainname.empty() && !from.uts.host) out.emplace("kernel.domainname", from.domainname);
    // In a network namespace of its own an unprivileged process may ping and listen on any port.
    if (from.network.host || from.network.shared) return out;
    if (host.ping_group_range && from.ids.empty()) out.emplace("net.ipv4.ping_group_range", "0 2147483647");
    if (host.unprivileged_port_start) out.emplace("net.ipv4.ip_unprivileged_port_start", "0");
    return out;
}

Result<std::optional<oci::Seccomp>> choose_seccomp(const ContainerSpec& from,
                                                   const std::vector<std::string>& caps,
                                                   const HostFacts& host) {
    const bool standard = from.seccomp.empty() || from.seccomp == "builtin";
    if (from.seccomp == "unconfined") return std::optional<oci::Seccomp>();
    if (from.privileged && from.seccomp.empty()) return std::optional<oci::Seccomp>();
    if (!host.seccomp) {
        if (standard) return std::optional<oci::Seccomp>();
        return fail(ErrorKind::kInvalidArgument,
                    "seccomp is not enabled in your kernel, cannot run a custom seccomp profile");
    }
    if (standard) return default_seccomp(caps, host);
    return resolve_seccomp(from.seccomp, caps, host);
}

std::string choose_apparmor(const ContainerSpec& from, const HostFacts& host) {
    if (host.apparmor) {
        if (!from.apparmor.empty()) return from.apparmor;
        return std::string(from.privileged ? "unconfined" : "docker-default");
    }
    return std::string();
}

Result<oci::Process> build_process(const ContainerSpec& from, const HostFacts& host) {
    oci::Process out;
    out.terminal = from.terminal;
    if (from.terminal) out.console_size = from.console_size;
    out.user = from.user;
    if (!from.init_path.empty() && from.pid.own()) out.args = {kInitTarget, "--"};
    out.args.insert(out.args.end(), from.args.begin(), from.args.end());
    out.env = from.env;
    out.cwd = from.cwd;
    BERTH_TRY(auto caps,
              choose_capabilities(from.cap_add, from.cap_drop, from.privileged, host.capabilities));
    out.capabilities.emplace();
    out.capabilities->bounding = caps;
    out.capabilities->effective = caps;
    out.capabilities->permitted = std::move(caps);
    out.rlimits = from.rlimits;
    out.no_new_privileges = from.no_new_privileges;
    out.apparmor_profile = choose_apparmor(from, host);
    out.oom_score_adj = from.oom_score_adj;
    return out;
}

// Docker's order: the explicit lists win over what privileged takes away.
void set_hidden_paths(const ContainerSpec& from, const HostFacts& host, oci::Linux& section) {
    if (!from.privileged) {
        section.masked_paths = default_masked(host);
        section.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    }
    if (from.masked_paths) section.masked_paths = *from.masked_paths;
    if (from.readonly_paths) section.readonly_paths = *from.readonly_paths;
}

}  // namespace

Result<oci::RuntimeSpec> build_spec(const ContainerSpec& from, const HostFacts& host) {
    oci::RuntimeSpec out;
    // crun before 1.9 refuses any other; what is newer in here a runtime that does not know it passes over.
    out.oci_version = "1.0.2";
    BERTH_TRY(out.process, build_process(from, host));
    out.root = {from.root_path, from.readonly_root};
    if (!from.uts.host) out.hostname = from.hostname;
    BERTH_TRY(out.mounts, build_mounts(from));
    out.annotations = from.annotations;

    auto& section = out.linux_;
    section.resources = from.resources;
    section.resources->devices = default_device_rules();
    section.resources->devices.insert(section.resources->devices.end(), from.resources.devices.begin(),
                                      from.resources.devices.end());
    BERTH_CHECK(add_devices(from, section));
    section.sysctl = build_sysctls(from, host);
    section.cgroups_path = from.cgroups_path;
    section.namespaces = build_namespaces(from);
    section.uid_mappings = mappings(from.ids.uids);
    section.gid_mappings = mappings(from.ids.gids);
    section.rootfs_propagation = from.rootfs_propagation;
    set_hidden_paths(from, host, section);
    BERTH_TRY(section.seccomp, choose_seccomp(from, out.process->capabilities->bounding, host));
    return out;
}

}  // namespace berth::spec
