#include "engine/cgroup/hierarchy.h"

#include <algorithm>

#include "engine/base/files.h"

namespace berth::cgroup {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        std::string_view part = text.substr(0, text.find(separator));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        parts.push_back(part);
    }
    return parts;
}

}  // namespace

bool Hierarchy::has(std::string_view controller) const {
    return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

bool Layout::unified_only() const {
    return !hierarchies.empty() &&
           std::all_of(hierarchies.begin(), hierarchies.end(), [](const Hierarchy& h) { return h.unified; });
}

// "8:pids:/path"; co-mounted controllers stand in one line, "4:cpu,cpuacct:/path", version 2 in "0::/path".
std::string own_path(const Hierarchy& hierarchy, std::string_view proc_cgroup) {
    for (std::string_view line : split(proc_cgroup, '\n')) {
        std::size_t names = line.find(':') + 1, path = line.find(':', names) + 1;
        if (names == 0 || path == 0) continue;
        std::string_view first = line.substr(names, path - 1 - names);
        first = first.substr(0, first.find(','));
        if (hierarchy.unified ? !first.empty() : !hierarchy.has(first)) continue;
        std::string_view own = line.substr(path);
        // Without a cgroup namespace only a part of the tree may be mounted.
        if (hierarchy.root != "/" && own.starts_with(hierarchy.root))
            own.remove_prefix(hierarchy.root.size());
        return own.empty() ? "/" : std::string(own);
    }
    return {};
}

// 36 35 98:0 /root /mount/point options fields… - type source super,options
Layout parse_mountinfo(std::string_view mountinfo) {
    Layout layout;
    for (std::string_view line : split(mountinfo, '\n')) {
        // Hosts have many mounts, and few of these.
        auto dash = line.find(" - cgroup");
        if (dash == std::string_view::npos) continue;
        auto before = split(line.substr(0, dash), ' '), after = split(line.substr(dash + 3), ' ');
        if (before.size() < 5 || after.size() < 3 || !after[0].starts_with("cgroup")) continue;
        Hierarchy found{std::string(before[4]), std::string(before[3]), {}, after[0] == "cgroup2"};
        auto known = [&](const Hierarchy& other) { return other.mount_point == found.mount_point; };
        if (std::any_of(layout.hierarchies.begin(), layout.hierarchies.end(), known)) continue;
        for (std::string_view option : split(after[2], ',')) {
            bool name = option.starts_with("name=");
            if (!found.unified &&
                (name || (option != "rw" && option != "ro" && option.find('=') == option.npos))) {
                found.controllers.emplace_back(option);
            }
        }
        layout.hierarchies.push_back(std::move(found));
    }
    return layout;
}

Result<Layout> current_layout() {
    BERTH_TRY(std::string text, read_file("/proc/self/mountinfo"));
    Layout layout = parse_mountinfo(text);
    if (layout.hierarchies.empty()) return fail(ErrorKind::kUnavailable, "no cgroup file system is mounted");
    return layout;
}

}  // namespace berth::cgroup
