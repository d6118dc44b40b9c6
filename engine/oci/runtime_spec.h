#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

// config.json of the OCI runtime specification for Linux (1.2), as plain structs with the specification's
// names in snake_case. engine/spec fills them and renders; engine/executor parses and obeys. An absent field
// keeps the value it has here; an absent object is an empty optional or an empty string.
namespace berth::oci {

inline constexpr std::string_view kRuntimeSpecVersion = "1.2.1";
// The newest version whose documents are understood.
inline constexpr std::string_view kRuntimeSpecVersionMax = "1.3.0";

struct Box {  // consoleSize
    std::uint32_t height = 0, width = 0;
    bool operator==(const Box&) const = default;
};

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
    std::optional<mode_t> umask;
    std::vector<gid_t> additional_gids;
    bool operator==(const User&) const = default;
};

struct Rlimit {
    std::string type;  // "RLIMIT_NOFILE"
    std::uint64_t soft = 0, hard = 0;
    bool operator==(const Rlimit&) const = default;
};

// Names with prefix, "CAP_CHOWN".
struct Capabilities {
    std::vector<std::string> bounding, effective, inheritable, permitted, ambient;
    bool operator==(const Capabilities&) const = default;
};

// sched_setattr(2)
struct Scheduler {
    std::string policy;  // SCHED_OTHER …
    std::optional<std::int32_t> nice, priority;
    std::vector<std::string> flags;  // SCHED_FLAG_RESET_ON_FORK …
    std::uint64_t runtime = 0, deadline = 0, period = 0;
    bool operator==(const Scheduler&) const = default;
};

struct IoPriority {
    std::string io_class;  // IOPRIO_CLASS_RT …
    int priority = 0;
    bool operator==(const IoPriority&) const = default;
};

// Lists of CPUs ("0-3,7") for a process of `exec`.
struct CpuAffinity {
    std::string initial, final_;
    bool operator==(const CpuAffinity&) const = default;
};

struct Process {
    bool terminal = false;
    std::optional<Box> console_size;
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;  // "KEY=value"
    std::string cwd = "/";
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::string apparmor_profile;
    std::string selinux_label;
    std::optional<int> oom_score_adj;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<CpuAffinity> exec_cpu_affinity;
    bool operator==(const Process&) const = default;
};

struct Root {
    std::string path;  // relative: to the bundle
    bool readonly = false;
    bool operator==(const Root&) const = default;
};

struct IdMapping {
    std::uint32_t container_id = 0, host_id = 0, size = 0;
    bool operator==(const IdMapping&) const = default;
};

// The specification's `mounts` entry; `options` are mount(8)'s words and the file system's own.
struct SpecMount {
    std::string destination, type, source;
    std::vector<std::string> options;
    std::vector<IdMapping> uid_mappings, gid_mappings;
    bool operator==(const SpecMount&) const = default;
};

struct Hook {
    std::string path;
    std::vector<std::string> args, env;
    std::optional<int> timeout;  // seconds
    bool operator==(const Hook&) const = default;
};

struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
    bool operator==(const Hooks&) const = default;
};

struct Namespace {
    std::string type;  // pid network mount ipc uts user cgroup time
    std::string path;  // empty: a new one
    bool operator==(const Namespace&) const = default;
};

struct Device {
    std::string path;
    std::string type;  // c b u p
    std::int64_t major = 0, minor = 0;
    std::optional<mode_t> file_mode;
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
    bool operator==(const Device&) const = default;
};

// A rule of resources.devices. Without major or minor: any.
struct DeviceRule {
    bool allow = false;
    std::string type;  // a c b; empty: a
    std::optional<std::int64_t> major, minor;
    std::string access;  // of r w m; empty: rwm
    bool operator==(const DeviceRule&) const = default;
};

struct MemoryResources {
    std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;  // bytes, -1: no limit
    std::optional<std::uint64_t> swappiness;
    std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
    bool operator==(const MemoryResources&) const = default;
};

struct CpuResources {
    std::optional<std::uint64_t> shares, period, realtime_period, burst;
    std::optional<std::int64_t> quota, realtime_runtime, idle;
    std::string cpus, mems;
    bool operator==(const CpuResources&) const = default;
};

struct WeightDevice {
    std::int64_t major = 0, minor = 0;
    std::optional<std::uint16_t> weight, leaf_weight;
    bool operator==(const WeightDevice&) const = default;
};

struct ThrottleDevice {
    std::int64_t major = 0, minor = 0;
    std::uint64_t rate = 0;
    bool operator==(const ThrottleDevice&) const = default;
};

struct BlockIoResources {
    std::optional<std::uint16_t> weight, leaf_weight;
    std::vector<WeightDevice> weight_devices;
    std::vector<ThrottleDevice> throttle_read_bps, throttle_write_bps, throttle_read_iops,
        throttle_write_iops;
    bool operator==(const BlockIoResources&) const = default;
};

struct HugepageLimit {
    std::string page_size;  // "2MB"
    std::uint64_t limit = 0;
    bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
    std::string name;
    std::uint32_t priority = 0;
    bool operator==(const InterfacePriority&) const = default;
};

struct NetworkResources {  // version 1's net_cls and net_prio
    std::optional<std::uint32_t> class_id;
    std::vector<InterfacePriority> priorities;
    bool operator==(const NetworkResources&) const = default;
};

struct RdmaLimit {
    std::optional<std::uint32_t> handles, objects;
    bool operator==(const RdmaLimit&) const = default;
};

struct Resources {
    std::vector<DeviceRule> devices;
    std::optional<MemoryResources> memory;
    std::optional<CpuResources> cpu;
    std::optional<std::int64_t> pids_limit;
    std::optional<BlockIoResources> block_io;
    std::vector<HugepageLimit> hugepage_limits;
    std::optional<NetworkResources> network;
    std::map<std::string, RdmaLimit> rdma;       // by device
    std::map<std::string, std::string> unified;  // cgroup v2 file -> value
    bool operator==(const Resources&) const = default;
};

struct SeccompArg {
    std::uint32_t index = 0;
    std::uint64_t value = 0, value_two = 0;
    std::string op;  // SCMP_CMP_EQ …
    bool operator==(const SeccompArg&) const = default;
};

struct SeccompRule {
    std::vector<std::string> names;
    std::string action;  // SCMP_ACT_ALLOW …
    std::optional<std::uint32_t> errno_ret;
    std::vector<SeccompArg> args;
    bool operator==(const SeccompRule&) const = default;
};

struct Seccomp {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_ret;
    std::vector<std::string> architectures;         // SCMP_ARCH_X86_64 …
    std::optional<std::vector<std::string>> flags;  // SECCOMP_FILTER_FLAG_LOG …; not given is not none
    std::string listener_path, listener_metadata;
    std::vector<SeccompRule> syscalls;
    bool operator==(const Seccomp&) const = default;
};

struct Personality {
    std::string domain;  // LINUX, LINUX32
    std::vector<std::string> flags;
    bool operator==(const Personality&) const = default;
};

struct TimeOffset {
    std::int64_t secs = 0;
    std::uint32_t nanosecs = 0;
    bool operator==(const TimeOffset&) const = default;
};

// set_mempolicy(2)
struct MemoryPolicy {
    std::string mode;  // MPOL_BIND …
    std::string nodes;
    std::vector<std::string> flags;  // MPOL_F_STATIC_NODES …
    bool operator==(const MemoryPolicy&) const = default;
};

// A group of resctrl, the kernel's control of caches and memory bandwidth.
struct IntelRdt {
    std::string clos_id;                // empty: a group of the container's own
    std::vector<std::string> schemata;  // lines, behind the two older ones
    std::string l3_cache_schema, mem_bw_schema;
    // Any of them: a monitoring group. The last two are what it was called before 1.3.
    bool enable_monitoring = false, enable_cmt = false, enable_mbm = false;
    bool operator==(const IntelRdt&) const = default;
};

// A network device of the host that moves into the container.
struct NetDevice {
    std::string name;  // there; empty: as here
    bool operator==(const NetDevice&) const = default;
};

struct Linux {
    std::vector<IdMapping> uid_mappings, gid_mappings;
    std::map<std::string, std::string> sysctl;
    std::optional<Resources> resources;
    std::string cgroups_path;
    std::vector<Namespace> namespaces;
    std::vector<Device> devices;
    std::optional<Seccomp> seccomp;
    std::string rootfs_propagation;
    std::vector<std::string> masked_paths, readonly_paths;
    std::string mount_label;
    std::optional<Personality> personality;
    std::map<std::string, TimeOffset> time_offsets;  // by clock: monotonic, boottime
    std::optional<MemoryPolicy> memory_policy;
    std::optional<IntelRdt> intel_rdt;
    std::map<std::string, NetDevice> net_devices;  // by the name on the host
    bool operator==(const Linux&) const = default;
};

struct RuntimeSpec {
    std::string oci_version{kRuntimeSpecVersion};
    std::optional<Process> process;
    Root root;
    std::string hostname, domainname;
    std::vector<SpecMount> mounts;
    Hooks hooks;
    std::map<std::string, std::string> annotations;
    Linux linux_;  // `linux` is a macro of the GNU dialects
    bool operator==(const RuntimeSpec&) const = default;
};

// A document that is not JSON, or has a field of the wrong type, is kInvalidArgument and the message names
// the field ("process.user.uid: …"). Names are found in any case of letters, as runc's JSON library has it.
// Fields the specification does not know are ignored, as it demands.
Result<RuntimeSpec> parse_runtime_spec(std::string_view json);
// The same for parts that travel alone: `exec --process FILE`, `update -r FILE`.
Result<Process> parse_process(std::string_view json);
Result<Resources> parse_resources(std::string_view json);

// Compact JSON without the fields that say nothing; parse_runtime_spec(render(x)) == x.
std::string render(const RuntimeSpec& spec);
std::string render(const Seccomp& seccomp);
std::string render(const Process& process);
std::string render(const Resources& resources);
std::string render(const Hooks& hooks);
Result<Hooks> parse_hooks(std::string_view json);
// As people read and edit it: indented by tabs, in the specification's order.
std::string render_readable(const RuntimeSpec& spec);

}  // namespace berth::oci
