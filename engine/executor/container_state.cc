#include "engine/executor/container_state.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

std::string draft_of(const std::string& root, const std::string& id) {
    return state_folder(root, id) + "/state.json.new";
}

// Kept, since reading it out of mountinfo costs as much as all the rest of a short command.
nlohmann::json layout_json(const cgroup::Layout& layout) {
    nlohmann::json out = nlohmann::json::array();
    for (const cgroup::Hierarchy& one : layout.hierarchies) {
        out.push_back({{"mountPoint", one.mount_point},
                       {"root", one.root},
                       {"controllers", one.controllers},
                       {"unified", one.unified}});
    }
    return out;
}

cgroup::Layout layout_of(const nlohmann::json& json) {
    cgroup::Layout out;
    for (const nlohmann::json& one : json) {
        out.hierarchies.push_back({one.at("mountPoint"), one.at("root"),
                                   one.at("controllers").get<std::vector<std::string>>(), one.at("unified")});
    }
    return out;
}

}  // namespace

const char* status_text(Status status) {
    switch (status) {
        case Status::kCreated:
            return "created";
        case Status::kRunning:
            return "running";
        case Status::kPaused:
            return "paused";
        case Status::kStopped:
            return "stopped";
    }
    return "stopped";
}

Result<> check_id(const std::string& id) {
    bool good = !id.empty() && id != "." && id != ".." && id.size() <= 1024 &&
                std::all_of(id.begin(), id.end(), [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '_' || c == '+' || c == '-' || c == '.';
                });
    if (!good) return fail(ErrorKind::kInvalidArgument, "invalid container ID format: " + id);
    return {};
}

std::string state_folder(const std::string& root, const std::string& id) {
    return root + "/" + id;
}
std::string start_gate(const std::string& root, const std::string& id) {
    return state_folder(root, id) + "/exec.fifo";
}

Result<> remove_state_folder(const std::string& root, const std::string& id) {
    std::string folder = state_folder(root, id);
    // What nearly every container has and no more: nothing has to be listed.
    for (const char* file : {"/state.json", "/config.json"}) ::unlink((folder + file).c_str());
    if (::rmdir(folder.c_str()) == 0) return {};
    return remove_tree(folder);
}

Result<> draft_state(const std::string& root, ContainerState& state, pid_t pid) {
    state.created = format_rfc3339_nano(now());
    state.pid = pid;
    state.start_time = process_start_time(pid);
    nlohmann::json json = {{"id", state.id},
                           {"bundle", state.bundle},
                           {"rootfs", state.rootfs},
                           {"hierarchies", layout_json(state.layout)},
                           {"places", state.places},
                           {"freezer", state.freezer},
                           {"resctrl", {state.resctrl.group, state.resctrl.removed}},
                           {"created", state.created},
                           {"ociVersion", state.oci_version},
                           {"pid", state.pid},
                           {"startTime", state.start_time},
                           {"owner", state.owner},
                           {"ownPids", state.own_pids},
                           {"hooks", state.hooks},
                           {"streams", state.streams},
                           {"annotations", state.annotations}};
    return write_file(draft_of(root, state.id),
                      json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Result<> publish_state(const std::string& root, const ContainerState& state) {
    std::string place = state_folder(root, state.id) + "/state.json";
    if (::rename(draft_of(root, state.id).c_str(), place.c_str()) != 0) return fail_errno("rename " + place);
    return {};
}

Result<ContainerState> load_state(const std::string& root, const std::string& id) {
    BERTH_CHECK(check_id(id));
    auto text = read_file(state_folder(root, id) + "/state.json");
    if (!text && text.error().sys_errno == ENOENT)
        return fail(ErrorKind::kNotFound, "container does not exist");
    if (!text) return Failure(text.error());
    auto json = nlohmann::json::parse(*text, nullptr, false);
    try {
        ContainerState state;
        state.id = json.at("id");
        state.bundle = json.at("bundle");
        state.rootfs = json.at("rootfs");
        state.layout = layout_of(json.at("hierarchies"));
        state.places = json.at("places").get<cgroup::Places>();
        state.freezer = json.at("freezer");
        state.resctrl = {json.at("resctrl").at(0), json.at("resctrl").at(1)};
        state.own_pids = json.at("ownPids");
        state.hooks = json.at("hooks");
        state.created = json.at("created");
        state.oci_version = json.at("ociVersion");
        state.pid = json.at("pid");
        state.start_time = json.at("startTime");
        state.owner = json.at("owner");
        state.streams = json.at("streams").get<std::vector<std::string>>();
        state.annotations = json.at("annotations").get<std::map<std::string, std::string>>();
        return state;
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorKind::kDataLoss, "the state of container " + id + " is damaged");
    }
}

Result<std::vector<ContainerState>> load_all(const std::string& root) {
    std::vector<ContainerState> out;
    auto names = list_folder(root);
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
        // Not every folder is a container: the filters lie here too, and a create may be under way.
        if (auto state = load_state(root, name)) out.push_back(std::move(*state));
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return out;
}

Result<std::string> load_config(const std::string& root, const std::string& id) {
    return read_file(state_folder(root, id) + "/config.json");
}

Result<oci::RuntimeSpec> load_spec(const std::string& root, const std::string& id) {
    BERTH_TRY(std::string text, load_config(root, id));
    return oci::parse_runtime_spec(text);
}

Result<cgroup::Cgroup> cgroup_of(const ContainerState& state) {
    return cgroup::Cgroup::at(state.layout, state.places);
}

std::uint64_t process_start_time(pid_t pid) {
    auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
    if (!text) return 0;
    // The name may hold anything, blanks and parentheses included: count from its last ")".
    auto close = text->rfind(')');
    if (close == std::string::npos || close + 2 >= text->size()) return 0;
    char state = (*text)[close + 2];
    if (state == 'Z' || state == 'X') return 0;
    std::size_t at = close + 1;
    for (int field = 3; field < 22; ++field) at = text->find(' ', at + 1);
    return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at, nullptr, 10);
}

Status status_of(const std::string& root, const ContainerState& state) {
    if (state.pid == 0 || process_start_time(state.pid) != state.start_time) return Status::kStopped;
    if (!state.freezer.empty()) {
        auto frozen = read_file(state.freezer);
        if (frozen && (frozen->starts_with("FROZEN") || frozen->starts_with("1"))) return Status::kPaused;
    }
    return exists(start_gate(root, state.id)) ? Status::kCreated : Status::kRunning;
}

Result<UniqueFd> hold_init(const ContainerState& state) {
    auto init = sys::open_pidfd(state.pid);
    // The descriptor is init's if init is alive now.
    if (init && process_start_time(state.pid) == state.start_time) return init;
    return fail(ErrorKind::kConflict, "container not running");
}

}  // namespace berth::executor
