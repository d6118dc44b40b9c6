#include "engine/daemon/host_facts.h"

#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sstream>

#include "engine/base/files.h"

namespace berth::daemon {

namespace {

std::string unquote(std::string text) {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
        text = text.substr(1, text.size() - 2);
    }
    return text;
}

void read_os_release(HostFacts& facts) {
    auto text = read_file("/etc/os-release");
    if (!text) text = read_file("/usr/lib/os-release");
    facts.operating_system = "Linux";
    if (!text) return;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("PRETTY_NAME=")) facts.operating_system = unquote(line.substr(12));
        if (line.starts_with("VERSION_ID=")) facts.os_version = unquote(line.substr(11));
    }
}

bool is_cgroup2(const char* path) {
    struct statfs found;
    return ::statfs(path, &found) == 0 && found.f_type == CGROUP2_SUPER_MAGIC;
}

// Where a version 1 controller is mounted, or "".
std::string controller_mount(const std::string& mountinfo, std::string_view controller) {
    std::istringstream lines(mountinfo);
    for (std::string line; std::getline(lines, line);) {
        auto dash = line.find(" - cgroup ");
        if (dash == std::string::npos) continue;
        std::istringstream fields(line);
        std::string point;
        for (int i = 0; i < 5; ++i) fields >> point;
        std::string options = "," + line.substr(line.rfind(' ') + 1) + ",";
        if (options.find("," + std::string(controller) + ",") != std::string::npos) return point;
    }
    return "";
}

void read_limits_v1(types::Limits& limits) {
    auto mountinfo = read_file("/proc/self/mountinfo");
    if (!mountinfo) return;
    auto has = [&](std::string_view controller, const char* file) {
        std::string point = controller_mount(*mountinfo, controller);
        return !point.empty() && exists(point + "/" + file);
    };
    limits.memory = has("memory", "memory.limit_in_bytes");
    limits.swap = has("memory", "memory.memsw.limit_in_bytes");
    limits.oom_kill_disable = has("memory", "memory.oom_control");
    limits.kernel_memory_tcp = has("memory", "memory.kmem.tcp.limit_in_bytes");
    limits.cpu_shares = has("cpu", "cpu.shares");
    limits.cpu_cfs_period = has("cpu", "cpu.cfs_period_us");
    limits.cpu_cfs_quota = has("cpu", "cpu.cfs_quota_us");
    limits.cpu_set = has("cpuset", "cpuset.cpus");
    limits.pids = !controller_mount(*mountinfo, "pids").empty();
}

void read_limits_v2(types::Limits& limits) {
    auto controllers = read_file("/sys/fs/cgroup/cgroup.controllers");
    if (!controllers) return;
    std::string list = " " + *controllers;
    for (char& c : list) {
        if (c == '\n') c = ' ';
    }
    auto has = [&](const std::string& name) { return list.find(" " + name + " ") != std::string::npos; };
    limits.memory = has("memory");
    // The root has no limit files; a child tells whether the kernel counts swap.
    if (auto children = list_folder("/sys/fs/cgroup"); children && limits.memory) {
        for (const auto& child : *children)
            limits.swap |= exists("/sys/fs/cgroup/" + child + "/memory.swap.max");
    }
    limits.cpu_shares = limits.cpu_cfs_period = limits.cpu_cfs_quota = has("cpu");
    limits.cpu_set = has("cpuset");
    limits.pids = has("pids");
}

}  // namespace

std::string go_architecture(const std::string& machine) {
    if (machine == "x86_64") return "amd64";
    if (machine == "aarch64") return "arm64";
    if (machine.starts_with("arm")) return "arm";
    return machine;
}

int open_descriptors() {
    auto found = list_folder("/proc/self/fd");
    return found ? static_cast<int>(found->size()) : 0;
}

HostFacts read_host_facts() {
    HostFacts facts;
    utsname name{};
    ::uname(&name);
    facts.kernel_version = name.release;
    facts.architecture = name.machine;
    facts.hostname = name.nodename;
    read_os_release(facts);
    cpu_set_t cpus;
    facts.cpus = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    struct sysinfo memory{};
    ::sysinfo(&memory);
    facts.memory_bytes = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
    facts.seccomp = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    auto apparmor = read_file("/sys/module/apparmor/parameters/enabled");
    facts.apparmor = apparmor && apparmor->starts_with("Y");
    facts.cgroup_version = is_cgroup2("/sys/fs/cgroup") ? 2 : 1;
    if (facts.cgroup_version == 2) {
        read_limits_v2(facts.limits);
    } else {
        read_limits_v1(facts.limits);
    }
    return facts;
}

bool forwards_ipv4() {
    auto text = read_file("/proc/sys/net/ipv4/ip_forward");
    return text && text->starts_with("1");
}

}  // namespace berth::daemon
