#include "engine/cgroup/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "engine/base/files.h"
#include "engine/sys/pidfd.h"

namespace berth::cgroup {

namespace {

std::string parent_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

Result<> write_value(const std::string& path, const std::string& value) {
    BERTH_TRY(UniqueFd file, open_file(path, O_WRONLY));
    ssize_t written = ::write(file.get(), value.data(), value.size());
    if (written < 0) return fail_errno(fmt::format("write {}", path));
    return {};
}

// A fresh cpuset has no CPUs and no memory, and takes no process before it has.
Result<> inherit_cpuset(const std::string& folder, const std::string& top, bool fresh) {
    auto empty = [](const std::string& list) { return list.find_first_not_of(" \n") == std::string::npos; };
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
        if (!fresh) {
            BERTH_TRY(std::string own, read_file(folder + file));
            if (!empty(own)) continue;
        }
        std::string parent = parent_of(folder);
        BERTH_TRY(std::string above, read_file(parent + file));
        if (empty(above) && parent.size() > top.size()) {
            BERTH_CHECK(inherit_cpuset(parent, top, false));
            BERTH_TRY(above, read_file(parent + file));
        }
        BERTH_CHECK(write_value(folder + file, above));
    }
    return {};
}

// Lets the children of `folder` have every controller that it has itself. One that cannot be enabled is
// missed only by a limit that needs it, and that limit's own error says so.
void enable_controllers(const std::string& folder) {
    auto controllers = read_file(folder + "/cgroup.controllers");
    if (!controllers) return;
    std::string_view rest = *controllers;
    while (!rest.empty()) {
        auto end = rest.find_first_of(" \n");
        std::string_view name = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (!name.empty())
            (void)write_value(folder + "/cgroup.subtree_control", "+" + std::string(name)).has_value();
    }
}

Result<> make_one(const Cgroup::Folder& folder, const std::string& path) {
    if (path.size() <= folder.mount_point.size()) return {};
    bool fresh = !folder.unified && ::mkdir(path.c_str(), 0755) == 0;
    if (!fresh) {
        if (!folder.unified && errno != ENOENT && errno != EEXIST) return fail_errno("mkdir " + path);
        BERTH_CHECK(make_one(folder, parent_of(path)));
        if (folder.unified) enable_controllers(parent_of(path));
        fresh = ::mkdir(path.c_str(), 0755) == 0;
        if (!fresh && errno != EEXIST) return fail_errno("mkdir " + path);
    }
    bool cpuset =
        std::find(folder.controllers.begin(), folder.controllers.end(), "cpuset") != folder.controllers.end();
    return cpuset ? inherit_cpuset(path, folder.mount_point, fresh) : Result<>();
}

std::vector<std::string> subtree(const std::string& path) {
    std::vector<std::string> out;
    struct stat own{};
    if (::lstat(path.c_str(), &own) != 0) return {};
    // A folder's links tell its children: few have any, and all have many files.
    if (own.st_nlink == 2) return {path};
    auto names = list_folder(path);
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
        struct stat status{};
        std::string inner = path + "/" + name;
        if (::lstat(inner.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
        auto below = subtree(inner);
        out.insert(out.end(), below.begin(), below.end());
    }
    out.push_back(path);  // children first
    return out;
}

bool remove_now(const std::string& path) {
    bool gone = true;
    for (const std::string& folder : subtree(path)) {
        if (::rmdir(folder.c_str()) != 0 && errno != ENOENT) gone = false;
    }
    return gone;
}

// The root, by whatever name, is the host's own: nothing of ours may be limited, killed or removed there.
Result<> check_path(const std::string& path) {
    bool root = path.find_first_not_of('/') == std::string::npos;
    bool dots =
        (path + "/").find("/../") != std::string::npos || (path + "/").find("/./") != std::string::npos;
    if (root || path.front() != '/' || dots)
        return fail(ErrorKind::kInvalidArgument, fmt::format("invalid cgroup path: \"{}\"", path));
    return {};
}

void pause_ms(long milliseconds) {
    timespec time{0, milliseconds * 1'000'000};
    ::nanosleep(&time, nullptr);
}

}  // namespace

Result<Places> places_of(const Layout& layout, const std::string& cgroups_path, const std::string& id) {
    Places places;
    bool absolute = cgroups_path.starts_with('/');
    std::string own;
    if (!absolute) {
        BERTH_TRY(own, read_file("/proc/self/cgroup"));
    }
    for (const Hierarchy& hierarchy : layout.hierarchies) {
        std::string& place = places[hierarchy.mount_point];
        place = "/" + (cgroups_path.empty() ? id : cgroups_path);
        BERTH_CHECK(check_path(place));
        if (absolute) {
            place = cgroups_path;
            continue;
        }
        std::string above = own_path(hierarchy, own);
        if (layout.unified_only()) above = parent_of(above);
        if (above != "/") place = above + place;
    }
    return places;
}

Result<Cgroup> Cgroup::at(const Layout& layout, const Places& places) {
    std::vector<Folder> folders;
    for (const Hierarchy& hierarchy : layout.hierarchies) {
        auto place = places.find(hierarchy.mount_point);
        if (place == places.end()) continue;
        BERTH_CHECK(check_path(place->second));
        folders.push_back({hierarchy.controllers, hierarchy.mount_point + place->second,
                           hierarchy.mount_point, hierarchy.unified});
    }
    return Cgroup(std::move(folders), layout.unified_only());
}

Result<Cgroup> Cgroup::at(const Layout& layout, const std::string& path) {
    Places places;
    for (const Hierarchy& hierarchy : layout.hierarchies) places[hierarchy.mount_point] = path;
    BERTH_CHECK(check_path(path));
    return at(layout, places);
}

const Cgroup::Folder* Cgroup::folder_of(const std::string& controller) const {
    for (const Folder& folder : folders_) {
        bool has = std::find(folder.controllers.begin(), folder.controllers.end(), controller) !=
                   folder.controllers.end();
        if (has || (unified_only_ && folder.unified)) return &folder;
    }
    // Hybrid hosts have some controllers in the unified tree alone.
    for (const Folder& folder : folders_) {
        if (!folder.unified) continue;
        auto list = read_file(folder.path + "/cgroup.controllers");
        if (list && (" " + *list).find(" " + controller) != std::string::npos) return &folder;
    }
    return nullptr;
}

std::string Cgroup::controller_folder(const std::string& controller) const {
    const Folder* folder = folder_of(controller);
    return folder == nullptr ? std::string() : folder->path;
}

Result<> Cgroup::check_free() const {
    // Whoever is in there is not ours, and would die with the container.
    BERTH_TRY(auto strangers, processes());
    if (!strangers.empty()) {
        return fail(ErrorKind::kConflict,
                    fmt::format("container's cgroup is not empty: {} process(es) found", strangers.size()));
    }
    return check_thawed();
}

Result<> Cgroup::create(Part part) const {
    auto meant = [part](const Folder& folder) {
        return part == Part::kAll || folder.unified == (part == Part::kUnified);
    };
    for (const Folder& folder : folders_) {
        if (!meant(folder)) continue;
        auto made = make_one(folder, folder.path);
        if (made) continue;
        for (const Folder& other : folders_) {
            if (meant(other)) ::rmdir(other.path.c_str());
        }
        return in("unable to apply cgroup configuration", std::move(made));
    }
    // One above it may be frozen just as well.
    auto thawed = check_thawed();
    if (thawed) return {};
    for (const Folder& folder : folders_) {
        if (meant(folder)) ::rmdir(folder.path.c_str());
    }
    return thawed;
}

// Whoever joins a frozen cgroup stops on the spot, and may not even be killed.
Result<> Cgroup::check_thawed() const {
    std::string file = freezer_file();
    bool v1 = file.ends_with("/freezer.state");
    if (!v1) file = parent_of(file) + "/cgroup.events";
    auto state = read_file(file);
    if (!state || (v1 ? state->starts_with("THAWED") : state->find("frozen 1") == std::string::npos))
        return {};
    return fail(ErrorKind::kConflict, "container's cgroup unexpectedly frozen");
}

Result<std::vector<pid_t>> Cgroup::processes() const {
    std::vector<pid_t> out;
    for (const Folder& folder : folders_) {
        for (const std::string& path : subtree(folder.path)) {
            auto text = read_file(path + "/cgroup.procs");
            if (!text) continue;
            const char* at = text->data();
            const char* end = at + text->size();
            for (pid_t pid = 0; at < end; ++at) {
                auto [next, error] = std::from_chars(at, end, pid);
                if (error != std::errc()) break;
                out.push_back(pid);
                at = next;
            }
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

Result<> Cgroup::signal_all(int signal) const {
    BERTH_TRY(std::vector<pid_t> pids, processes());
    std::vector<std::pair<pid_t, UniqueFd>> held;
    for (pid_t pid : pids) {
        if (auto fd = sys::open_pidfd(pid)) held.emplace_back(pid, std::move(*fd));
    }
    // A number that was used again meanwhile is not in the list any more.
    BERTH_TRY(pids, processes());
    for (const auto& [pid, fd] : held) {
        if (std::binary_search(pids.begin(), pids.end(), pid))
            (void)sys::send_signal(fd.get(), signal).has_value();
    }
    return {};
}

Result<> Cgroup::kill_all() const {
    for (const Folder& folder : folders_) {
        if (folder.unified && write_value(folder.path + "/cgroup.kill", "1")) return {};
    }
    // Processes may fork while the list is read: until none is left, within reason.
    for (int round = 0; round < 100; ++round) {
        BERTH_TRY(std::vector<pid_t> pids, processes());
        if (pids.empty()) return {};
        BERTH_CHECK(signal_all(SIGKILL));
        pause_ms(1);
    }
    return {};
}

std::string Cgroup::freezer_file() const {
    std::string file;
    for (const Folder& folder : folders_) {
        if (std::find(folder.controllers.begin(), folder.controllers.end(), "freezer") !=
            folder.controllers.end())
            return folder.path + "/freezer.state";
        if (folder.unified) file = folder.path + "/cgroup.freeze";
    }
    return file;
}

namespace {

// Version 2 takes the wish and says in cgroup.events when it has come true; version 1 answers in the file
// itself.
Result<bool> settled(const std::string& file, bool frozen) {
    if (file.ends_with("/freezer.state")) {
        BERTH_TRY(std::string state, read_file(file));
        return state.starts_with(frozen ? "FROZEN" : "THAWED");
    }
    BERTH_TRY(std::string events, read_file(parent_of(file) + "/cgroup.events"));
    return events.find(frozen ? "frozen 1" : "frozen 0") != std::string::npos;
}

}  // namespace

Result<> Cgroup::freeze(bool frozen) const {
    std::string file = freezer_file();
    if (file.empty()) return fail(ErrorKind::kUnavailable, "no freezer on this host");
    bool v1 = file.ends_with("/freezer.state");
    std::string wanted = v1 ? (frozen ? "FROZEN" : "THAWED") : (frozen ? "1" : "0");
    // A fork in flight can keep version 1 at FREEZING: asking again gets it there.
    for (int round = 0; round < 1000; ++round) {
        if (v1 || round == 0) BERTH_CHECK(write_value(file, wanted));
        BERTH_TRY(bool done, settled(file, frozen));
        if (done) return {};
        pause_ms(round < 20 ? 1 : 10);
    }
    if (frozen) (void)write_value(file, v1 ? "THAWED" : "0").has_value();
    return fail(ErrorKind::kDeadlineExceeded, "unable to freeze");
}

Result<> Cgroup::remove() const {
    for (int round = 0; round < 100; ++round) {
        bool gone = true;
        for (const Folder& folder : folders_) gone = remove_now(folder.path) && gone;
        if (gone) return {};
        pause_ms(round < 10 ? 1 : 10);
    }
    return fail(ErrorKind::kConflict, "unable to remove the container's cgroup: device or resource busy");
}

}  // namespace berth::cgroup
