#include "engine/container/list_entry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/container/health.h"
#include "engine/container/inspect_json.h"
#include "engine/container/ports.h"

namespace berth::container {

using nlohmann::json;

namespace {

// As `docker ps` shows it: words with blanks in quotes.
std::string command_text(const Container& container) {
    std::string text = container.path;
    for (const auto& arg : container.args) {
        bool quoted = arg.find(' ') != arg.npos;
        text += quoted ? " '" + arg + "'" : " " + arg;
    }
    return text;
}

json ports_json(const Container& container, const std::optional<network::Sandbox>& sandbox) {
    json ports = json::array();
    if (!sandbox) return ports;
    std::set<std::string> published;
    for (const auto& port : sandbox->ports) {
        published.insert(std::to_string(port.container_port) + "/" + port.protocol);
        ports.push_back({{"IP", port.host_ip},
                         {"PrivatePort", port.container_port},
                         {"PublicPort", port.host_port},
                         {"Type", port.protocol}});
    }
    for (const auto& text : container.config.exposed_ports) {
        auto exposed = parse_exposed(text);
        if (published.contains(text) || !exposed) continue;
        ports.push_back({{"PrivatePort", exposed->front().port}, {"Type", exposed->front().protocol}});
    }
    return ports;
}

std::string health_suffix(const State& state) {
    if (!state.health) return {};
    bool starting = state.health->status == supervisor::Health::Status::kStarting;
    return std::string(starting ? " (health: " : " (") + health_text(state.health->status) + ")";
}

}  // namespace

std::string human_duration(std::chrono::nanoseconds duration) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return std::to_string(seconds) + " seconds";
    auto minutes = seconds / 60;
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return std::to_string(minutes) + " minutes";
    auto hours = (seconds + 1800) / 3600;
    if (hours == 1) return "About an hour";
    if (hours < 48) return std::to_string(hours) + " hours";
    if (hours < 24 * 7 * 2) return std::to_string(hours / 24) + " days";
    if (hours < 24 * 30 * 2) return std::to_string(hours / 24 / 7) + " weeks";
    if (hours < 24 * 365 * 2) return std::to_string(hours / 24 / 30) + " months";
    return std::to_string(hours / 24 / 365) + " years";
}

std::string status_line(const State& state, Timestamp at) {
    auto since = [&](Timestamp then) { return human_duration(at - then); };
    switch (state.status) {
        case Status::kRunning:
            return "Up " + since(state.started_at) + health_suffix(state);
        case Status::kPaused:
            return "Up " + since(state.started_at) + " (Paused)";
        case Status::kRestarting:
            return "Restarting (" + std::to_string(state.exit_code) + ") " + since(state.finished_at) +
                   " ago";
        case Status::kRemoving:
            return "Removal In Progress";
        case Status::kDead:
            return "Dead";
        case Status::kCreated:
            return "Created";
        case Status::kExited:
            break;
    }
    if (state.finished_at == kNever) return "Exited (" + std::to_string(state.exit_code) + ")";
    return "Exited (" + std::to_string(state.exit_code) + ") " + since(state.finished_at) + " ago";
}

ListEntry render_entry(Core& core, ContainerPtr container, std::vector<std::string> linked_as) {
    std::vector<std::string> names = linked_as;
    names.push_back("/" + container->name);
    std::sort(names.begin(), names.end());
    std::optional<network::Sandbox> sandbox;
    if (container->state.live()) sandbox = core.parts.networks.find(container->id);
    json entry = {
        {"Id", container->id},
        {"Names", names},
        {"Image", container->config.image},
        {"ImageID", container->image_id},
        {"Command", command_text(*container)},
        {"Created",
         std::chrono::system_clock::to_time_t(
             std::chrono::time_point_cast<std::chrono::system_clock::duration>(container->created_at))},
        {"Ports", ports_json(*container, sandbox)},
        {"Labels", container->config.labels},
        {"State", status_text(container->state.status)},
        {"HostConfig", {{"NetworkMode", container->host.network_mode}}},
        {"NetworkSettings", {{"Networks", listed_networks_json(core, *container, sandbox)}}},
        {"Mounts", mounts_json(*container)}};
    if (!container->host.annotations.empty())
        entry["HostConfig"]["Annotations"] = container->host.annotations;
    std::string text = entry.dump(-1, ' ', false, json::error_handler_t::replace);
    text.pop_back();
    return {std::move(container), std::move(linked_as), text + ",\"Status\":\"", "\""};
}

std::string ListEntry::text(Timestamp at, const std::string& more) const {
    return before_status + status_line(of->state, at) + after_status + more + "}";
}

}  // namespace berth::container
