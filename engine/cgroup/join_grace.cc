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
        std::string path = own_path(hierarchy, proc_cgroup);
        if (!path.empty()) return hierarchy.mount_point + path + "/cgroup.procs";
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
