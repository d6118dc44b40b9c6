#include <fmt/format.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/executor/capabilities.h"
#include "engine/executor/commands.h"
#include "engine/oci/runtime_spec.h"

namespace berth::executor {

namespace {

using Json = nlohmann::ordered_json;

Json mount_options() {
    return {"async",       "atime",          "bind",        "defaults",
            "dev",         "diratime",       "dirsync",     "exec",
            "idmap",       "iversion",       "lazytime",    "loud",
            "mand",        "noatime",        "nodev",       "nodiratime",
            "noexec",      "noiversion",     "nolazytime",  "nomand",
            "norelatime",  "nostrictatime",  "nosuid",      "nosymfollow",
            "private",     "ratime",         "rbind",       "rdev",
            "rdiratime",   "relatime",       "rexec",       "ridmap",
            "rnoatime",    "rnodev",         "rnodiratime", "rnoexec",
            "rnorelatime", "rnostrictatime", "rnosuid",     "rnosymfollow",
            "ro",          "rprivate",       "rrelatime",   "rro",
            "rrw",         "rshared",        "rslave",      "rstrictatime",
            "rsuid",       "rsymfollow",     "runbindable", "rw",
            "shared",      "silent",         "slave",       "strictatime",
            "suid",        "symfollow",      "sync",        "tmpcopyup",
            "unbindable"};
}

// Whether the running kernel takes the flag: a filter that cannot be read is refused for its address, an
// unknown flag before that.
bool takes_flag(unsigned flag) {
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, nullptr) != 0 && errno == EFAULT;
}

Json seccomp_features() {
    Json supported = Json::array();
    for (auto [name, flag] : {std::pair("SECCOMP_FILTER_FLAG_TSYNC", 1U),
                              {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4U},
                              {"SECCOMP_FILTER_FLAG_LOG", 2U},
                              {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0x28U}}) {
        if (takes_flag(flag)) supported.push_back(name);
    }
    return {
        {"enabled", true},
        {"actions",
         {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
          "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}},
        {"operators",
         {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
          "SCMP_CMP_NE"}},
        {"archs",
         {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32",
          "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",
          "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
          "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"}},
        {"knownFlags",
         {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}},
        {"supportedFlags", supported}};
}

Json linux_features() {
    Json spaces = Json::array();
    for (auto [name, file] : {std::pair("cgroup", "cgroup"),
                              {"ipc", "ipc"},
                              {"mount", "mnt"},
                              {"network", "net"},
                              {"pid", "pid"},
                              {"time", "time"},
                              {"user", "user"},
                              {"uts", "uts"}}) {
        if (exists(std::string("/proc/self/ns/") + file)) spaces.push_back(name);
    }
    return {
        {"namespaces", spaces},
        {"capabilities", known_capabilities()},
        {"cgroup", {{"v1", true}, {"v2", true}, {"systemd", false}, {"systemdUser", false}, {"rdma", true}}},
        {"seccomp", seccomp_features()},
        {"apparmor", {{"enabled", true}}},
        {"selinux", {{"enabled", true}}},
        {"intelRdt", {{"enabled", true}, {"schemata", true}, {"monitoring", true}}},
        {"memoryPolicy",
         {{"modes",
           {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
            "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"}},
          {"flags", {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}}}},
        {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
        {"netDevices", {{"enabled", true}}}};
}

}  // namespace

Result<> features_command(const Options& options) {
    if (!options.arguments.empty())
        return fail(ErrorKind::kInvalidArgument, "\"runc features\" requires exactly 0 argument(s)");
    const scmp_version* seccomp = ::seccomp_version();
    Json json = {
        {"ociVersionMin", "1.0.0"},
        {"ociVersionMax", oci::kRuntimeSpecVersionMax},
        {"hooks",
         {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
        {"mountOptions", mount_options()},
        {"linux", linux_features()},
        {"annotations",
         {{"io.github.seccomp.libseccomp.version",
           fmt::format("{}.{}.{}", seccomp->major, seccomp->minor, seccomp->micro)},
          {"org.opencontainers.runc.checkpoint.enabled", "true"}}},
        {"potentiallyUnsafeConfigAnnotations", {"bundle"}}};
    return write_all(STDOUT_FILENO, json.dump(4) + "\n");
}

}  // namespace berth::executor
