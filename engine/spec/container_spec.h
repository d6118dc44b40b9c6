#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/oci/runtime_spec.h"
#include "engine/sys/mount.h"

namespace berth::spec {

// A namespace of its own (the default), the host's, or the one at `path` (/proc/PID/ns/net, a bind of one).
struct NamespaceChoice {
    bool host = false;
    std::string path;
    bool shared = false;  // `path` is another container's, which has set it up already
    bool own() const { return !host && path.empty(); }
};

struct DeviceMapping {  // --device
    std::string host_path, path;
    std::string access = "rwm";
};

// What to run and how, with everything that needs looking up already looked up. The defaults are the default
// sandbox.
struct ContainerSpec {
    std::vector<std::string> args;
    std::vector<std::string> env;  // complete: PATH, HOSTNAME, TERM included
    std::string cwd = "/";
    oci::User user;  // from look_up_user()
    bool terminal = false;
    std::optional<oci::Box> console_size;
    // The host path of an init program, or "". It is bound at /sbin/docker-init and put in front of args,
    // unless the PID namespace is another's.
    std::string init_path;

    std::string hostname, domainname;
    NamespaceChoice network, pid, ipc, uts;
    // Of the user namespace, and where it is; empty for the host's.
    IdMaps ids;
    std::string user_path;
    NamespaceChoice cgroup;  // ask host_facts().cgroup_v2 for Docker's default: own on v2, the host's on v1
    bool ipc_none = false;   // --ipc=none: an IPC namespace without /dev/shm
    std::string shm_source;  // what to bind at /dev/shm where the IPC namespace is another container's
    std::string cgroups_path;

    std::string root_path = "rootfs";
    bool readonly_root = false;
    // Volumes, binds, tmpfs and the engine's own files, in the order to mount. Options are final but for
    // tmpfs: it gets noexec, nosuid, nodev, rprivate unless its options say otherwise.
    std::vector<sys::Mount> mounts;
    std::int64_t shm_size = 64 << 20;
    std::string rootfs_propagation;

    bool privileged = false;
    std::vector<std::string> cap_add, cap_drop;  // with or without CAP_, any case, "ALL"
    bool no_new_privileges = false;
    // "" or "builtin": the default profile; "unconfined"; else the text of a profile.
    std::string seccomp;
    std::string apparmor;  // "": docker-default where there is AppArmor
    std::optional<std::vector<std::string>> masked_paths, readonly_paths;  // unset: the default
    std::optional<bool> writable_cgroups;  // unset: those of a privileged container are

    oci::Resources resources;  // its `devices` are added to the default rules
    std::vector<DeviceMapping> devices;
    std::vector<std::string> device_cgroup_rules;  // "c 7:* rmw"
    std::vector<oci::Rlimit> rlimits;
    std::map<std::string, std::string> sysctls;
    int oom_score_adj = 0;
    std::map<std::string, std::string> annotations;
};

// What the sandbox depends on of the machine.
struct HostFacts {
    int kernel_major = 0, kernel_minor = 0;
    std::string architecture;               // amd64, arm64, …
    std::vector<std::string> capabilities;  // those this process has, and so can give, by number
    bool cgroup_v2 = false;
    bool seccomp = false;
    bool apparmor = false;
    bool ping_group_range = false, unprivileged_port_start = false;
    std::vector<std::string> thermal_paths;  // …/cpuN/thermal_throttle, masked
};
HostFacts host_facts();

// kInvalidArgument in Docker's words for what is malformed; an explicit seccomp profile that this machine
// cannot apply is an error, the default one and any of AppArmor are left out. Reads /dev for `devices` and
// `privileged`, else pure.
Result<oci::RuntimeSpec> build_spec(const ContainerSpec& from, const HostFacts& host);

}  // namespace berth::spec
