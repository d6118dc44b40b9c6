#include "engine/sys/lost_signal.h"

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/base/files.h"

namespace berth::sys {

namespace {

constexpr int kHarmless[] = {0, SIGKILL, SIGSTOP, SIGCONT, SIGCHLD, SIGURG, SIGWINCH};

// What follows "Name:\t" in a line of /proc/PID/status; empty when there is none.
std::string_view field(std::string_view status, std::string_view name) {
    auto at = status.find("\n" + std::string(name) + ":\t");
    if (at == status.npos) return {};
    status.remove_prefix(at + name.size() + 3);
    return status.substr(0, status.find('\n'));
}

bool has(std::string_view mask, int signal) {
    return (std::strtoull(std::string(mask).c_str(), nullptr, 16) >> (signal - 1) & 1) != 0;
}

}  // namespace

bool would_be_lost(pid_t pid, int signal) {
    for (int harmless : kHarmless) {
        if (signal == harmless) return false;
    }
    std::string status = read_file("/proc/" + std::to_string(pid) + "/status").value_or("");
    // Its numbers from our namespace down to its own.
    if (!field(status, "NSpid").ends_with("\t1")) return false;
    for (const char* mask : {"SigBlk", "SigIgn", "SigCgt"}) {
        if (has(field(status, mask), signal)) return false;
    }
    return true;
}

}  // namespace berth::sys
