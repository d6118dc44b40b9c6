#include "engine/executor/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <set>

namespace berth::executor {

namespace {

// By number, <linux/capability.h>.
constexpr std::array kNames = {"CHOWN",
                               "DAC_OVERRIDE",
                               "DAC_READ_SEARCH",
                               "FOWNER",
                               "FSETID",
                               "KILL",
                               "SETGID",
                               "SETUID",
                               "SETPCAP",
                               "LINUX_IMMUTABLE",
                               "NET_BIND_SERVICE",
                               "NET_BROADCAST",
                               "NET_ADMIN",
                               "NET_RAW",
                               "IPC_LOCK",
                               "IPC_OWNER",
                               "SYS_MODULE",
                               "SYS_RAWIO",
                               "SYS_CHROOT",
                               "SYS_PTRACE",
                               "SYS_PACCT",
                               "SYS_ADMIN",
                               "SYS_BOOT",
                               "SYS_NICE",
                               "SYS_RESOURCE",
                               "SYS_TIME",
                               "SYS_TTY_CONFIG",
                               "MKNOD",
                               "LEASE",
                               "AUDIT_WRITE",
                               "AUDIT_CONTROL",
                               "SETFCAP",
                               "MAC_OVERRIDE",
                               "MAC_ADMIN",
                               "SYSLOG",
                               "WAKE_ALARM",
                               "BLOCK_SUSPEND",
                               "AUDIT_READ",
                               "PERFMON",
                               "BPF",
                               "CHECKPOINT_RESTORE"};

// How many this kernel knows: all there are of ours on one of today, and maybe more.
int kernel_count() {
    static const int count = [] {
        auto known = [](int capability) { return ::prctl(PR_CAPBSET_READ, capability) >= 0; };
        int most = static_cast<int>(kNames.size());
        while (known(most)) ++most;
        while (most > 0 && !known(most - 1)) --most;
        return most;
    }();
    return count;
}

}  // namespace

std::vector<std::string> known_capabilities() {
    std::vector<std::string> out;
    for (const char* name : kNames) out.push_back(std::string("CAP_") + name);
    return out;
}

std::uint64_t capability_bits(const std::vector<std::string>& names) {
    std::uint64_t bits = 0;
    for (const std::string& name : names) {
        int found = -1;
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            if (name == std::string("CAP_") + kNames[i]) found = static_cast<int>(i);
        }
        if (found >= 0 && found < kernel_count()) bits |= std::uint64_t{1} << found;
    }
    return bits;
}

std::string unavailable_capabilities(const oci::Capabilities& sets) {
    std::set<std::string> out;
    for (const auto* names :
         {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient}) {
        for (const std::string& name : *names) {
            if (capability_bits({name}) == 0) out.insert(name);
        }
    }
    std::string text;
    for (const std::string& name : out) text += (text.empty() ? "" : " ") + name;
    return text;
}

Result<> limit_bounding_set(const oci::Capabilities& sets) {
    std::uint64_t kept = capability_bits(sets.bounding);
    for (int capability = 0; capability < kernel_count(); ++capability) {
        if ((kept >> capability & 1) != 0 || ::prctl(PR_CAPBSET_DROP, capability) == 0) continue;
        int reason = errno;
        // One that is gone already needs no right to drop.
        if (::prctl(PR_CAPBSET_READ, capability) != 0)
            return fail_errno("drop a bounding capability", reason);
    }
    return {};
}

Result<std::string> set_capabilities(const oci::Capabilities& sets) {
    std::uint64_t effective = capability_bits(sets.effective);
    std::uint64_t permitted = capability_bits(sets.permitted);
    std::uint64_t inheritable = capability_bits(sets.inheritable);
    std::uint64_t ambient = capability_bits(sets.ambient);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    for (int word = 0; word < 2; ++word) {
        data[word].effective = static_cast<std::uint32_t>(effective >> (32 * word));
        data[word].permitted = static_cast<std::uint32_t>(permitted >> (32 * word));
        data[word].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * word));
    }
    if (::syscall(SYS_capset, &header, data) != 0) return fail_errno("unable to apply caps");
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    std::string warning;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if ((ambient >> i & 1) == 0) continue;
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) != 0) {
            auto failure = fail_errno(std::string("can't raise ambient capability CAP_") + kNames[i]);
            warning += (warning.empty() ? "" : "; ") + failure.value().message;
        }
    }
    return warning;
}

}  // namespace berth::executor
