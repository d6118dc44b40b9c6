#include "engine/shim/cgroup_files.h"

#include <csignal>
#include <cstdlib>
#include <set>
#include <string_view>

#include "engine/base/files.h"

namespace berth::shim {

namespace {

// "oom_kill N" in memory.events (v2) and memory.oom_control (v1, since 4.13).
bool counts_oom_kill(const std::string& file) {
    auto text = read_file(file, 1 << 16);
    if (!text) return false;
    constexpr std::string_view kKey = "oom_kill ";
    for (std::size_t at = text->find(kKey); at != std::string::npos; at = text->find(kKey, at + 1)) {
        if (at != 0 && (*text)[at - 1] != '\n') continue;
        return std::strtoull(text->c_str() + at + kKey.size(), nullptr, 10) > 0;
    }
    return false;
}

std::vector<pid_t> processes(const std::string& folder) {
    std::vector<pid_t> pids;
    auto text = read_file(folder + "/cgroup.procs", 16 << 20);
    if (!text) return pids;
    const char* at = text->c_str();
    char* end = nullptr;
    for (long pid = std::strtol(at, &end, 10); end != at; pid = std::strtol(at, &end, 10)) {
        pids.push_back(static_cast<pid_t>(pid));
        at = end;
    }
    return pids;
}

}  // namespace

bool oom_killed(const std::vector<std::string>& folders) {
    for (const std::string& folder : folders) {
        if (counts_oom_kill(folder + "/memory.events") || counts_oom_kill(folder + "/memory.oom_control"))
            return true;
    }
    return false;
}

void kill_all(const std::vector<std::string>& folders) {
    for (const std::string& folder : folders) {
        if (exists(folder + "/cgroup.kill") && write_file(folder + "/cgroup.kill", "1")) continue;
        // v1: whatever is forked meanwhile shows up in the next round.
        std::set<pid_t> seen;
        for (bool found_new = true; found_new;) {
            found_new = false;
            for (pid_t pid : processes(folder)) {
                // 0 is a process of another pid namespace, 1 is nobody's container.
                if (pid <= 1 || !seen.insert(pid).second) continue;
                ::kill(pid, SIGKILL);
                found_new = true;
            }
        }
    }
}

}  // namespace berth::shim
