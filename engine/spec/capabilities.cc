#include "engine/spec/capabilities.h"

#include <algorithm>
#include <array>

namespace berth::spec {

namespace {

using namespace std::string_view_literals;

constexpr std::array kAll{"CAP_CHOWN"sv,
                          "CAP_DAC_OVERRIDE"sv,
                          "CAP_DAC_READ_SEARCH"sv,
                          "CAP_FOWNER"sv,
                          "CAP_FSETID"sv,
                          "CAP_KILL"sv,
                          "CAP_SETGID"sv,
                          "CAP_SETUID"sv,
                          "CAP_SETPCAP"sv,
                          "CAP_LINUX_IMMUTABLE"sv,
                          "CAP_NET_BIND_SERVICE"sv,
                          "CAP_NET_BROADCAST"sv,
                          "CAP_NET_ADMIN"sv,
                          "CAP_NET_RAW"sv,
                          "CAP_IPC_LOCK"sv,
                          "CAP_IPC_OWNER"sv,
                          "CAP_SYS_MODULE"sv,
                          "CAP_SYS_RAWIO"sv,
                          "CAP_SYS_CHROOT"sv,
                          "CAP_SYS_PTRACE"sv,
                          "CAP_SYS_PACCT"sv,
                          "CAP_SYS_ADMIN"sv,
                          "CAP_SYS_BOOT"sv,
                          "CAP_SYS_NICE"sv,
                          "CAP_SYS_RESOURCE"sv,
                          "CAP_SYS_TIME"sv,
                          "CAP_SYS_TTY_CONFIG"sv,
                          "CAP_MKNOD"sv,
                          "CAP_LEASE"sv,
                          "CAP_AUDIT_WRITE"sv,
                          "CAP_AUDIT_CONTROL"sv,
                          "CAP_SETFCAP"sv,
                          "CAP_MAC_OVERRIDE"sv,
                          "CAP_MAC_ADMIN"sv,
                          "CAP_SYSLOG"sv,
                          "CAP_WAKE_ALARM"sv,
                          "CAP_BLOCK_SUSPEND"sv,
                          "CAP_AUDIT_READ"sv,
                          "CAP_PERFMON"sv,
                          "CAP_BPF"sv,
                          "CAP_CHECKPOINT_RESTORE"sv};

constexpr std::array kDefault{
    "CAP_CHOWN"sv,   "CAP_DAC_OVERRIDE"sv, "CAP_FSETID"sv,           "CAP_FOWNER"sv,
    "CAP_MKNOD"sv,   "CAP_NET_RAW"sv,      "CAP_SETGID"sv,           "CAP_SETUID"sv,
    "CAP_SETFCAP"sv, "CAP_SETPCAP"sv,      "CAP_NET_BIND_SERVICE"sv, "CAP_SYS_CHROOT"sv,
    "CAP_KILL"sv,    "CAP_AUDIT_WRITE"sv};

template <class List>
bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

Result<std::vector<std::string>> normalise(const std::vector<std::string>& names, std::string_view field,
                                           const std::vector<std::string>& available) {
    std::vector<std::string> out;
    for (std::string upper : names) {
        for (char& c : upper) {
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        }
        if (upper != "ALL" && upper.rfind("CAP_", 0) != 0) upper = "CAP_" + upper;
        if (upper != "ALL" && !contains(available, upper)) {
            const char* why = contains(kAll, upper)
                                  ? "capability not supported by your kernel or not available in the "
                                    "current environment"
                                  : "unknown capability";
            return fail(ErrorKind::kInvalidArgument,
                        "invalid " + std::string(field) + ": " + why + ": \"" + upper + "\"");
        }
        out.push_back(std::move(upper));
    }
    return out;
}

}  // namespace

std::span<const std::string_view> all_capabilities() {
    return kAll;
}
std::span<const std::string_view> default_capabilities() {
    return kDefault;
}

Result<std::vector<std::string>> choose_capabilities(const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop, bool privileged,
                                                     const std::vector<std::string>& available) {
    BERTH_TRY(const auto added, normalise(add, "CapAdd", available));
    BERTH_TRY(const auto dropped, normalise(drop, "CapDrop", available));
    if (privileged) return available;

    std::vector<std::string> out;
    if (contains(added, "ALL")) {
        for (const auto& name : available) {
            if (!contains(dropped, name)) out.push_back(name);
        }
        return out;
    }
    if (!contains(dropped, "ALL")) {
        for (auto name : kDefault) {
            if (!contains(dropped, name)) out.emplace_back(name);
        }
    }
    for (const auto& name : added) {
        if (!contains(out, name)) out.push_back(name);
    }
    return out;
}

}  // namespace berth::spec
