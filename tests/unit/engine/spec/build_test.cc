#include <gmock/gmock.h>

#include <algorithm>

#include "engine/spec/capabilities.h"
#include "engine/spec/container_spec.h"
#include "engine/spec/seccomp.h"
#include "engine/spec/tmpfs_options.h"

namespace berth::spec {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

HostFacts host() {
    HostFacts facts;
    facts.kernel_major = 6;
    facts.kernel_minor = 1;
    facts.architecture = "amd64";
    facts.capabilities.assign(all_capabilities().begin(), all_capabilities().end());
    facts.seccomp = facts.ping_group_range = facts.unprivileged_port_start = true;
    return facts;
}

oci::RuntimeSpec built(const ContainerSpec& from) {
    auto out = build_spec(from, host());
    EXPECT_TRUE(out) << (out ? "" : out.error().message);
    return out ? *out : oci::RuntimeSpec();
}

std::string refused(const ContainerSpec& from, const HostFacts& facts = host()) {
    auto out = build_spec(from, facts);
    return out ? "accepted" : out.error().message;
}

const oci::SpecMount* mount_at(const oci::RuntimeSpec& spec, std::string_view target) {
    for (const auto& mount : spec.mounts) {
        if (mount.destination == target) return &mount;
    }
    return nullptr;
}

std::vector<std::string> types_of(const oci::RuntimeSpec& spec) {
    std::vector<std::string> out;
    for (const auto& space : spec.linux_.namespaces) out.push_back(space.type);
    return out;
}

const oci::SeccompRule* rule_of(const oci::Seccomp& section, std::string_view name) {
    for (const auto& rule : section.syscalls) {
        if (std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end()) return &rule;
    }
    return nullptr;
}

// What `docker run` 28.5 gives a plain container, field by field.
TEST(BuildSpec, DefaultSandbox) {
    ContainerSpec from;
    from.args = {"sleep", "1000"};
    from.user.additional_gids = {0};
    from.hostname = "c4239a1ec878";
    from.cgroup.host = true;
    const auto spec = built(from);
    const std::vector<std::string> caps{
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
        "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
        "CAP_KILL",    "CAP_AUDIT_WRITE"};
    EXPECT_EQ(spec.process->capabilities->bounding, caps);
    EXPECT_EQ(spec.process->capabilities->effective, caps);
    EXPECT_EQ(spec.process->capabilities->permitted, caps);
    EXPECT_THAT(spec.process->capabilities->inheritable, IsEmpty());
    EXPECT_THAT(spec.process->capabilities->ambient, IsEmpty());
    EXPECT_EQ(spec.process->oom_score_adj, 0);
    EXPECT_THAT(types_of(spec), ElementsAre("mount", "network", "uts", "pid", "ipc"));
    EXPECT_THAT(spec.linux_.readonly_paths,
                ElementsAre("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"));
    EXPECT_EQ(spec.linux_.masked_paths.size(), 12U);
    EXPECT_THAT(spec.linux_.sysctl, ElementsAre(testing::Pair("net.ipv4.ip_unprivileged_port_start", "0"),
                                                testing::Pair("net.ipv4.ping_group_range", "0 2147483647")));
    ASSERT_EQ(spec.mounts.size(), 7U);
    EXPECT_THAT(mount_at(spec, "/sys/fs/cgroup")->options, ElementsAre("ro", "nosuid", "noexec", "nodev"));
    EXPECT_THAT(mount_at(spec, "/dev/shm")->options,
                ElementsAre("nosuid", "noexec", "nodev", "mode=1777", "size=67108864"));
    ASSERT_EQ(spec.linux_.resources->devices.size(), 8U);
    EXPECT_FALSE(spec.linux_.resources->devices[0].allow);
    EXPECT_FALSE(spec.linux_.resources->devices[7].allow);
    EXPECT_EQ(spec.linux_.resources->devices[7].minor, 229);
    ASSERT_TRUE(spec.linux_.seccomp);
    EXPECT_EQ(*oci::parse_runtime_spec(oci::render(spec)), spec);
}

TEST(BuildSpec, Privileged) {
    ContainerSpec from;
    from.privileged = true;
    const auto spec = built(from);
    EXPECT_EQ(spec.process->capabilities->bounding.size(), 41U);
    EXPECT_FALSE(spec.linux_.seccomp);
    EXPECT_THAT(spec.linux_.masked_paths, IsEmpty());
    EXPECT_THAT(spec.linux_.readonly_paths, IsEmpty());
    EXPECT_THAT(mount_at(spec, "/sys")->options, Not(Contains("ro")));
    EXPECT_THAT(mount_at(spec, "/sys/fs/cgroup")->options, Not(Contains("ro")));
    ASSERT_EQ(spec.linux_.resources->devices.size(), 1U);
    EXPECT_TRUE(spec.linux_.resources->devices[0].allow);
    EXPECT_TRUE(std::any_of(spec.linux_.devices.begin(), spec.linux_.devices.end(),
                            [](const oci::Device& device) { return device.path == "/dev/null"; }));
}

TEST(BuildSpec, ReadOnlyRootSparesUserMountsAndDev) {
    ContainerSpec from;
    from.readonly_root = true;
    from.mounts = {{"bind", "/x", "/data", {"rbind", "rprivate"}},
                   {"tmpfs", "tmpfs", "/run", {"size=1m", "exec"}}};
    from.init_path = "/usr/bin/tini";
    from.args = {"a"};
    const auto spec = built(from);
    EXPECT_TRUE(spec.root.readonly);
    EXPECT_THAT(mount_at(spec, "/data")->options, ElementsAre("rbind", "rprivate"));
    EXPECT_THAT(mount_at(spec, "/run")->options,
                ElementsAre("nosuid", "nodev", "rprivate", "size=1m", "exec"));
    EXPECT_THAT(mount_at(spec, "/dev")->options, Not(Contains("ro")));
    EXPECT_THAT(mount_at(spec, "/proc")->options, Not(Contains("ro")));
    EXPECT_THAT(spec.process->args, ElementsAre("/sbin/docker-init", "--", "a"));
}

TEST(BuildSpec, UserMountsReplaceDefaults) {
    ContainerSpec from;
    from.mounts = {{"bind", "/dev", "/dev", {"rbind"}}};
    EXPECT_EQ(mount_at(built(from), "/dev/shm"), nullptr);
    EXPECT_EQ(mount_at(built(from), "/dev")->type, "bind");
    from.mounts.clear();
    from.ipc_none = true;
    EXPECT_EQ(mount_at(built(from), "/dev/shm"), nullptr);
    EXPECT_NE(mount_at(built(from), "/dev/mqueue"), nullptr);
}

TEST(BuildSpec, Namespaces) {
    ContainerSpec from;
    from.hostname = "h";
    from.init_path = "/usr/bin/tini";
    from.network.path = "/run/ns";
    from.domainname = "d";
    from.pid.host = from.uts.host = true;
    const auto spec = built(from);
    EXPECT_THAT(types_of(spec), ElementsAre("mount", "network", "ipc", "cgroup"));
    EXPECT_EQ(spec.linux_.namespaces[1].path, "/run/ns");
    EXPECT_EQ(spec.hostname, "");
    EXPECT_EQ(spec.linux_.sysctl.count("kernel.domainname"), 0U);
    from.uts.host = false;
    EXPECT_EQ(built(from).linux_.sysctl.at("kernel.domainname"), "d");
    from.domainname.clear();
    EXPECT_EQ(mount_at(spec, "/sbin/docker-init"), nullptr);
    EXPECT_TRUE(spec.process->args.empty());
    from.network = {.host = true, .path = "", .shared = false};
    EXPECT_THAT(built(from).linux_.sysctl, IsEmpty());
}

TEST(BuildSpec, JoinedNetworkKeepsItsSysctls) {
    ContainerSpec from;
    from.network.path = "/proc/1/ns/net";
    EXPECT_EQ(built(from).linux_.sysctl.size(), 2U);
    from.network.shared = true;
    from.sysctls = {{"kernel.shmmax", "1"}};
    EXPECT_THAT(built(from).linux_.sysctl, ElementsAre(testing::Pair("kernel.shmmax", "1")));
}

TEST(BuildSpec, Capabilities) {
    ContainerSpec from;
    from.cap_add = {"sys_admin", "CAP_CHOWN"};
    from.cap_drop = {"all"};
    EXPECT_THAT(built(from).process->capabilities->bounding, ElementsAre("CAP_SYS_ADMIN", "CAP_CHOWN"));
    from.cap_add = {"ALL"};
    from.cap_drop = {"SYS_ADMIN"};
    EXPECT_EQ(built(from).process->capabilities->bounding.size(), 40U);
    from.cap_add = {"nonsense"};
    EXPECT_EQ(refused(from), "invalid CapAdd: unknown capability: \"CAP_NONSENSE\"");
    from.cap_add = {"ALL"};
    from.cap_drop = {"NONSENSE"};
    EXPECT_EQ(refused(from), "invalid CapDrop: unknown capability: \"CAP_NONSENSE\"");
}

TEST(BuildSpec, OnlyCapabilitiesThatTheEngineHas) {
    auto facts = host();
    std::erase(facts.capabilities, "CAP_SYS_RESOURCE");
    ContainerSpec from;
    from.privileged = true;
    EXPECT_THAT(build_spec(from, facts)->process->capabilities->bounding, Not(Contains("CAP_SYS_RESOURCE")));
    from.privileged = false;
    from.cap_add = {"ALL"};
    EXPECT_EQ(build_spec(from, facts)->process->capabilities->bounding.size(), 40U);
    from.cap_add = {"SYS_RESOURCE"};
    EXPECT_EQ(refused(from, facts),
              "invalid CapAdd: capability not supported by your kernel or not available in the current "
              "environment: "
              "\"CAP_SYS_RESOURCE\"");
}

TEST(BuildSpec, TheHostsIpcBringsItsSharedMemory) {
    ContainerSpec from;
    from.ipc.host = true;
    EXPECT_EQ(mount_at(built(from), "/dev/shm")->source, "/dev/shm");
    EXPECT_EQ(mount_at(built(from), "/dev/shm")->type, "bind");
}

TEST(HostFacts, AreThisMachines) {
    const auto facts = host_facts();
    EXPECT_GT(facts.kernel_major, 4);
    EXPECT_FALSE(facts.architecture.empty());
    EXPECT_TRUE(facts.seccomp);
    EXPECT_THAT(facts.capabilities, Contains("CAP_CHOWN"));
}

TEST(BuildSpec, Devices) {
    ContainerSpec from;
    from.devices = {{"/dev/null", "/dev/xnull", "rw"}};
    from.device_cgroup_rules = {"c 7:* rmw"};
    const auto spec = built(from);
    ASSERT_EQ(spec.linux_.devices.size(), 1U);
    EXPECT_EQ(spec.linux_.devices[0].path, "/dev/xnull");
    EXPECT_EQ(spec.linux_.devices[0].major, 1);
    EXPECT_EQ(spec.linux_.devices[0].minor, 3);
    ASSERT_EQ(spec.linux_.resources->devices.size(), 10U);
    EXPECT_EQ(spec.linux_.resources->devices[8].access, "rw");
    EXPECT_EQ(spec.linux_.resources->devices[9].minor, -1);
    from.devices = {{"/dev/no-such-node", "/dev/x", "rwm"}};
    EXPECT_EQ(refused(from),
              "error gathering device information while adding custom device \"/dev/no-such-node\": no such "
              "file or "
              "directory");
    from.devices.clear();
    for (const char* text :
         {"", "c", "c 1:1", "x 1:1 rwm", "c 1 rwm", "c 1:1 rwx", "c -1:1 r", "c  1:1 r ", "c 1:: r"}) {
        from.device_cgroup_rules = {text};
        EXPECT_EQ(refused(from), "invalid device cgroup rule format: '" + std::string(text) + "'");
    }
}

TEST(Seccomp, DefaultProfile) {
    ContainerSpec from;
    const auto section = *built(from).linux_.seccomp;
    EXPECT_EQ(section.default_action, "SCMP_ACT_ERRNO");
    EXPECT_EQ(section.default_errno_ret, 1U);
    EXPECT_THAT(section.architectures, ElementsAre("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"));
    ASSERT_NE(rule_of(section, "clone3"), nullptr);
    EXPECT_EQ(rule_of(section, "clone3")->errno_ret, 38U);
    EXPECT_EQ(rule_of(section, "clone")->args[0].value, 0x7E020000U);
    EXPECT_EQ(rule_of(section, "clone")->args[0].op, "SCMP_CMP_MASKED_EQ");
    EXPECT_NE(rule_of(section, "chroot"), nullptr);
    EXPECT_NE(rule_of(section, "ptrace"), nullptr);
    EXPECT_NE(rule_of(section, "arch_prctl"), nullptr);
    EXPECT_EQ(rule_of(section, "riscv_flush_icache"), nullptr);
    for (const char* name :
         {"unshare", "mount", "setns", "bpf", "keyctl", "add_key", "request_key", "io_uring_setup",
          "userfaultfd", "kexec_load", "pivot_root", "open_by_handle_at", "reboot"}) {
        EXPECT_EQ(rule_of(section, name), nullptr) << name;
    }
    EXPECT_EQ(section.syscalls[0].names.size(), 361U);
}

TEST(Seccomp, FollowsCapabilitiesAndKernel) {
    ContainerSpec from;
    from.cap_add = {"SYS_ADMIN"};
    const auto section = *built(from).linux_.seccomp;
    EXPECT_NE(rule_of(section, "unshare"), nullptr);
    EXPECT_THAT(rule_of(section, "clone3")->action, "SCMP_ACT_ALLOW");
    EXPECT_THAT(rule_of(section, "clone")->args, IsEmpty());
    auto old = host();
    old.kernel_major = 4;
    old.kernel_minor = 7;
    EXPECT_EQ(rule_of(**default_seccomp({}, old), "ptrace"), nullptr);
}

TEST(Seccomp, ChoiceOfProfile) {
    ContainerSpec from;
    from.seccomp = "unconfined";
    EXPECT_FALSE(built(from).linux_.seccomp);
    from.seccomp = "builtin";
    EXPECT_TRUE(built(from).linux_.seccomp);
    from.seccomp =
        R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"chmod","action":"SCMP_ACT_ERRNO"}]})";
    from.privileged = true;
    EXPECT_EQ(rule_of(*built(from).linux_.seccomp, "chmod")->action, "SCMP_ACT_ERRNO");
    from.seccomp = "{}";
    EXPECT_FALSE(built(from).linux_.seccomp);
    auto without = host();
    without.seccomp = false;
    from.privileged = false;
    EXPECT_EQ(refused(from, without),
              "seccomp is not enabled in your kernel, cannot run a custom seccomp profile");
    from.seccomp = "";
    EXPECT_FALSE(build_spec(from, without)->linux_.seccomp);
}

TEST(Seccomp, MalformedProfiles) {
    ContainerSpec from;
    for (const char* text :
         {"{", "[]", "7", R"({"defaultAction":7})", R"({"defaultAction":"A","syscalls":[7]})",
          R"({"defaultAction":"A","syscalls":{"x":7}})",
          R"({"defaultAction":"A","syscalls":[{"names":"x"}]})",
          R"({"defaultAction":"A","syscalls":[{"names":["x"],"includes":{"minKernel":"x"}}]})",
          R"({"defaultAction":"A","syscalls":[{"names":["x"],"includes":7}]})",
          R"({"defaultAction":"A","archMap":[7]})", R"({"defaultAction":"A","defaultErrnoRet":"x"})"}) {
        from.seccomp = text;
        EXPECT_THAT(refused(from), testing::StartsWith("Decoding seccomp profile failed: ")) << text;
    }
    from.seccomp = R"({"defaultAction":"A","syscalls":[{"name":"a","names":["b"]}]})";
    EXPECT_THAT(refused(from), testing::HasSubstr("both 'name' and 'names' are specified"));
}

// As dockerd has it: the same command line works on hosts with and without AppArmor.
TEST(BuildSpec, AppArmorCountsWhereThereIsAppArmor) {
    ContainerSpec from;
    from.apparmor = "mine";
    EXPECT_EQ(build_spec(from, host())->process->apparmor_profile, "");
    auto with = host();
    with.apparmor = true;
    EXPECT_EQ(build_spec(from, with)->process->apparmor_profile, "mine");
    from.apparmor = "";
    EXPECT_EQ(build_spec(from, with)->process->apparmor_profile, "docker-default");
}

TEST(TmpfsOptions, UnknownOnesAreNamed) {
    EXPECT_EQ(merge_tmpfs_options({"size=1", "foo=2"}).error().message, "invalid tmpfs option \"foo\"");
    EXPECT_THAT(*merge_tmpfs_options({"size=1", "size=2", "rw", "ro"}),
                ElementsAre("noexec", "nosuid", "nodev", "rprivate", "size=2", "ro"));
}

}  // namespace
}  // namespace berth::spec
