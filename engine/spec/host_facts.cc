#include <sys/utsname.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include <cstdio>

#include "engine/base/files.h"
#include "engine/spec/capabilities.h"
#include "engine/spec/container_spec.h"

namespace berth::spec {

namespace {

std::vector<std::string> own_capabilities() {
    std::vector<std::string> out;
    auto status = read_file("/proc/self/status");
    const auto at = status ? status->find("CapEff:") : std::string::npos;
    if (at == std::string::npos) return out;
    unsigned long long set = 0;
    std::sscanf(status->c_str() + at, "CapEff: %llx", &set);
    unsigned number = 0;
    for (auto name : all_capabilities()) {
        if ((set >> number++ & 1) != 0) out.emplace_back(name);
    }
    return out;
}

}  // namespace

HostFacts host_facts() {
    HostFacts facts;
    utsname name{};
    uname(&name);
    std::sscanf(name.release, "%d.%d", &facts.kernel_major, &facts.kernel_minor);
    const std::string machine = name.machine;
    facts.architecture = machine == "x86_64"        ? "amd64"
                         : machine == "aarch64"     ? "arm64"
                         : machine == "i686"        ? "386"
                         : machine == "armv7l"      ? "arm"
                         : machine == "loongarch64" ? "loong64"
                                                    : machine;
    struct statfs cgroups{};
    facts.cgroup_v2 = statfs("/sys/fs/cgroup", &cgroups) == 0 && cgroups.f_type == CGROUP2_SUPER_MAGIC;
    facts.capabilities = own_capabilities();
    facts.seccomp = exists("/proc/sys/kernel/seccomp/actions_avail");
    if (auto enabled = read_file("/sys/module/apparmor/parameters/enabled"); enabled) {
        facts.apparmor = enabled->starts_with('Y') && exists("/sys/kernel/security/apparmor");
    }
    facts.ping_group_range = exists("/proc/sys/net/ipv4/ping_group_range");
    facts.unprivileged_port_start = exists("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    const std::string cpus = "/sys/devices/system/cpu";
    for (int cpu = 0; exists(cpus + "/cpu" + std::to_string(cpu)); ++cpu) {
        std::string path = cpus + "/cpu" + std::to_string(cpu) + "/thermal_throttle";
        if (exists(path)) facts.thermal_paths.push_back(std::move(path));
    }
    return facts;
}

}  // namespace berth::spec
