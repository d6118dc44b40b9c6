#include "engine/cgroup/join_grace.h"

#include <atomic>
#include <string>

#include "engine/base/files.h"
#include "engine/cgroup/hierarchy.h"

namespace berth::cgroup {

namespace {

// cgroup.procs of the cgroup that this process is in, in the first version 1 hierarchy that has both. Read
// anew each time: whoever supervises us may have moved us.
std::string own_processes_file(const Layout& layout, std::string_view proc_cgroup) {
    for (const Hierarchy& hierarchy : layout.hierarchies) {
        if (hierarchy.unified || hierarchy.controllers.empty() || hierarchy.root != "/") continue;
        // "8:pids:/path"; co-mounted controllers stand in one line: "4:cpu,cpuacct:/path".
        for (std::size_t at = 0; at < proc_cgroup.size();) {
            std::string_view line = proc_cgroup.substr(at, proc_cgroup.find('\n', at) - at);
            at += line.size() + 1;
            std::size_t names = line.find(':') + 1, path = line.find(':', names) + 1;
            if (names == 0 || path == 0) continue;
            std::string_view controller = line.substr(names, path - 1 - names);
            controller = controller.substr(0, controller.find(','));
            if (hierarchy.has(controller))
                return hierarchy.mount_point + std::string(line.substr(path)) + "/cgroup.procs";
        }
    }
    return {};
}

}  // namespace

void pass_join_grace() {
    static std::atomic<bool> under_way = false;
    if (under_way.exchange(true)) return;
    auto layout = current_layout();
    auto own = read_file("/proc/self/cgroup");
    if (layout && own) {
        // "0" is the writer; to where it is already changes nothing, and takes the lock all the same.
        if (std::string file = own_processes_file(*layout, *own); !file.empty()) (void)write_file(file, "0");
    }
    under_way = false;
}

}  // namespace berth::cgroup
