#include "engine/executor/sub_cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

// By controller; "" is all of them.
Result<std::map<std::string, std::string>> parse(const std::vector<std::string>& words) {
    std::map<std::string, std::string> out;
    for (const std::string& word : words) {
        auto colon = word.find(':');
        if (colon == word.npos) {
            if (words.size() != 1)
                return bad("invalid --cgroup argument: " + word + " (missing <controller>: prefix)");
            out[""] = word;
            continue;
        }
        for (std::size_t at = 0; at <= colon;) {
            auto end = std::min(word.find(',', at), colon);
            std::string name = word.substr(at, end - at);
            at = end + 1;
            if (name.empty())
                return bad("invalid --cgroup argument: " + word + " (empty <controller> prefix)");
            if (!out.emplace(name, word.substr(colon + 1)).second)
                return bad("invalid --cgroup argument(s): controller " + name + " specified multiple times");
        }
    }
    return out;
}

Result<std::string> below(const std::string& folder, const std::string& path) {
    std::string out = folder;
    for (std::size_t at = 0; at < path.size();) {
        auto end = std::min(path.find('/', at), path.size());
        std::string name = path.substr(at, end - at);
        at = end + 1;
        if (name == "..") return bad(path + " is not a sub cgroup path");
        if (!name.empty() && name != ".") out += "/" + name;
    }
    return out;
}

}  // namespace

Result<SubCgroup> SubCgroup::of(const ContainerState& state, const std::vector<std::string>& words) {
    BERTH_TRY(auto asked, parse(words));
    BERTH_TRY(cgroup::Cgroup group, cgroup_of(state));
    SubCgroup out;
    out.asked_ = !asked.empty();
    std::size_t used = asked.count("");
    for (const auto& folder : group.folders()) {
        Place place{folder.path, folder.mount_point, folder.unified};
        for (const auto& [name, path] : asked) {
            bool here = std::find(folder.controllers.begin(), folder.controllers.end(), name) !=
                        folder.controllers.end();
            if (name.empty() ? !(folder.unified && !group.unified_only()) : here) {
                BERTH_TRY(place.folder, below(folder.path, path));
                used += name.empty() ? 0 : 1;
            }
        }
        out.places_.push_back(std::move(place));
    }
    if (used < asked.size()) {
        for (const auto& [name, path] : asked) {
            bool known = name.empty() || !group.controller_folder(name).empty();
            if (!known || group.unified_only())
                return bad("unknown controller " + name + " in SubCgroupPaths");
        }
    }
    return out;
}

UniqueFd SubCgroup::birthplace() const {
    for (const Place& place : places_) {
        if (place.unified) return UniqueFd(::open(place.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return {};
}

Result<std::vector<UniqueFd>> SubCgroup::join_files() const {
    std::vector<UniqueFd> files;
    for (const Place& place : places_) {
        if (place.unified) continue;
        auto file = cgroup::join_file(place.folder);
        // Callers look for this text.
        if (!file) {
            return fail_errno("adding pid " + std::to_string(::getpid()) + " to cgroups: open " +
                                  place.folder + "/cgroup.procs",
                              file.error().sys_errno);
        }
        files.push_back(std::move(*file));
    }
    return files;
}

Result<> SubCgroup::join_unified(pid_t pid, pid_t init) const {
    for (const Place& place : places_) {
        if (!place.unified) continue;
        auto joined = in("adding pid " + std::to_string(pid) + " to cgroups",
                         write_file(place.folder + "/cgroup.procs", std::to_string(pid)));
        if (joined) continue;
        if (asked_) return joined;
        BERTH_TRY(std::string text, read_file("/proc/" + std::to_string(init) + "/cgroup"));
        auto at = text.find("0::/");
        if (at == std::string::npos) return joined;
        std::string path = text.substr(at + 3, text.find('\n', at) - at - 3);
        BERTH_CHECK(write_file(place.mount_point + path + "/cgroup.procs", std::to_string(pid)));
    }
    return {};
}

}  // namespace berth::executor
