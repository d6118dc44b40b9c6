#include "engine/executor/container_state.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"

namespace berth::executor {

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
std::string fifo_path(const std::string& root, const std::string& id) {
    return state_folder(root, id) + "/exec.fifo";
}

Result<> save_state(const std::string& root, const ContainerState& state) {
    nlohmann::json json = {{"id", state.id},           {"bundle", state.bundle},
                           {"rootfs", state.rootfs},   {"cgroupPath", state.cgroup_path},
                           {"created", state.created}, {"ociVersion", state.oci_version},
                           {"pid", state.pid},         {"startTime", state.start_time},
                           {"owner", state.owner},     {"annotations", state.annotations}};
    return replace_file(state_folder(root, state.id) + "/state.json",
                        json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 0600,
                        Sync::kNone);
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
        state.cgroup_path = json.at("cgroupPath");
        state.created = json.at("created");
        state.oci_version = json.at("ociVersion");
        state.pid = json.at("pid");
        state.start_time = json.at("startTime");
        state.owner = json.at("owner");
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
    for (const char* file : {"/sys/fs/cgroup/freezer", "/sys/fs/cgroup"}) {
        auto v1 = read_file(std::string(file) + state.cgroup_path + "/freezer.state");
        if (v1 && v1->starts_with("FROZEN")) return Status::kPaused;
        auto v2 = read_file(std::string(file) + state.cgroup_path + "/cgroup.freeze");
        if (v2 && v2->starts_with("1")) return Status::kPaused;
    }
    return exists(fifo_path(root, state.id)) ? Status::kCreated : Status::kRunning;
}

}  // namespace berth::executor
