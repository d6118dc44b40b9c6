#include <unistd.h>

#include "engine/base/files.h"
#include "engine/cgroup/hierarchy.h"
#include "engine/executor/commands.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

namespace {

std::vector<oci::SpecMount> default_mounts() {
    return {{"/proc", "proc", "proc", {}, {}, {}},
            {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}, {}, {}},
            {"/dev/pts",
             "devpts",
             "devpts",
             {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
             {},
             {}},
            {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}, {}, {}},
            {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}, {}, {}},
            {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}, {}, {}},
            {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}, {}, {}}};
}

// runc's own, which callers patch.
oci::RuntimeSpec default_spec() {
    oci::RuntimeSpec spec;
    spec.oci_version = oci::kRuntimeSpecVersion;
    oci::Process& process = spec.process.emplace();
    process.terminal = true;
    process.args = {"sh"};
    process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
    std::vector<std::string> caps = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
    process.capabilities = oci::Capabilities{.bounding = caps, .effective = caps, .permitted = caps};
    process.rlimits = {{"RLIMIT_NOFILE", 1024, 1024}};
    process.no_new_privileges = true;
    spec.root = {"rootfs", true};
    spec.hostname = "runc";
    spec.mounts = default_mounts();
    spec.linux_.resources.emplace().devices = {oci::DeviceRule{false, "", {}, {}, "rwm"}};
    for (const char* type : {"pid", "network", "ipc", "uts", "mount"})
        spec.linux_.namespaces.push_back({type, ""});
    auto layout = cgroup::current_layout();
    if (layout && layout->unified_only()) spec.linux_.namespaces.push_back({"cgroup", ""});
    spec.linux_.masked_paths = {
        "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"};
    spec.linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    return spec;
}

// What a user without privileges may do: his own ids, the host's network, no limits.
void make_rootless(oci::RuntimeSpec& spec) {
    auto& spaces = spec.linux_.namespaces;
    std::erase_if(spaces, [](const oci::Namespace& space) { return space.type == "network"; });
    spaces.push_back({"user", ""});
    spec.linux_.uid_mappings = {{0, ::geteuid(), 1}};
    spec.linux_.gid_mappings = {{0, ::getegid(), 1}};
    spec.linux_.resources.reset();
    for (oci::SpecMount& mount : spec.mounts) {
        if (mount.destination == "/sys") {
            mount = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}, {}, {}};
            continue;
        }
        std::erase_if(mount.options, [](const std::string& word) {
            return word.starts_with("gid=") || word.starts_with("uid=");
        });
    }
}

}  // namespace

Result<> spec_command(const Options& options) {
    if (!options.arguments.empty())
        return fail(ErrorKind::kInvalidArgument, "\"runc spec\" requires exactly 0 argument(s)");
    oci::RuntimeSpec spec = default_spec();
    if (options.rootless_spec) make_rootless(spec);
    std::string path = options.bundle + "/config.json";
    if (exists(path)) return fail(ErrorKind::kConflict, "File config.json exists. Remove it first");
    return replace_file(path, oci::render_readable(spec), 0644, Sync::kNone);
}

}  // namespace berth::executor
