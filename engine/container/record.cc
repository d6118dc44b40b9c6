#include <nlohmann/json.hpp>

#include "engine/container/health.h"
#include "engine/container/model.h"

// The record:
// {"Id","Name","Created","Image",…,"Config":{…},"HostConfig":{…},"Endpoints":{NETWORK:{…}},"Mounts":[…],
//  "Links":[{"Id","Name","Alias"}]}
namespace berth::container {

using nlohmann::json;

namespace {

constexpr struct {
    Status status;
    const char* text;
} kStatuses[] = {
    {Status::kCreated, "created"},   {Status::kRunning, "running"},
    {Status::kPaused, "paused"},     {Status::kRestarting, "restarting"},
    {Status::kRemoving, "removing"}, {Status::kExited, "exited"},
    {Status::kDead, "dead"},
};

json mount_json(const MountPoint& mount) {
    return {{"Type", mount.type},
            {"Name", mount.name},
            {"Source", mount.source},
            {"Destination", mount.destination},
            {"Driver", mount.driver},
            {"Mode", mount.mode},
            {"Propagation", mount.propagation},
            {"RW", mount.read_write},
            {"CopyUp", mount.copy_up},
            {"Anonymous", mount.anonymous},
            {"CreateSource", mount.create_source},
            {"OwnPropagation", mount.own_propagation},
            {"NonRecursive", mount.non_recursive},
            {"ReadOnlyNonRecursive", mount.read_only_non_recursive},
            {"ReadOnlyForceRecursive", mount.read_only_force_recursive},
            {"Subpath", mount.subpath},
            {"Options", mount.options}};
}

MountPoint parse_mount(const json& from) {
    MountPoint mount;
    mount.type = from.at("Type");
    mount.name = from.at("Name");
    mount.source = from.at("Source");
    mount.destination = from.at("Destination");
    mount.driver = from.at("Driver");
    mount.mode = from.at("Mode");
    mount.propagation = from.at("Propagation");
    mount.read_write = from.at("RW");
    mount.copy_up = from.at("CopyUp");
    mount.anonymous = from.at("Anonymous");
    mount.create_source = from.at("CreateSource");
    mount.own_propagation = from.value("OwnPropagation", false);
    mount.non_recursive = from.value("NonRecursive", false);
    mount.read_only_non_recursive = from.value("ReadOnlyNonRecursive", false);
    mount.read_only_force_recursive = from.value("ReadOnlyForceRecursive", false);
    mount.subpath = from.value("Subpath", "");
    mount.options = from.at("Options").get<std::vector<std::string>>();
    return mount;
}

// What nlohmann throws is damaged data to the caller.
template <class Parse>
auto parsing(const char* what, Parse parse) -> decltype(parse()) {
    try {
        return parse();
    } catch (const json::exception& problem) {
        return fail(ErrorKind::kDataLoss, std::string(what) + ": " + problem.what());
    }
}

using Endpoints = std::map<std::string, types::EndpointRequest>;

// A record of before several networks has one "Endpoint".
Result<Endpoints> read_endpoints(const json& from, const std::string& network) {
    Endpoints endpoints;
    if (from.contains("Endpoint") && !network.starts_with("container:")) {
        BERTH_TRY(endpoints[network], types::parse_endpoint_request(from.at("Endpoint"), ".Endpoint"));
    }
    const json several = from.value("Endpoints", json::object());
    for (const auto& [name, endpoint] : several.items()) {
        BERTH_TRY(endpoints[name], types::parse_endpoint_request(endpoint, ".Endpoints"));
    }
    return endpoints;
}

Result<Container> read_record(const json& from) {
    Container c;
    c.id = from.at("Id");
    c.name = from.at("Name");
    BERTH_TRY(c.created_at, parse_rfc3339(from.at("Created").get<std::string>()));
    c.image_id = from.at("Image");
    c.manifest_id = from.at("Manifest");
    c.snapshot_parent = from.at("SnapshotParent");
    c.architecture = from.at("Architecture");
    c.path = from.at("Path");
    c.args = from.at("Args").get<std::vector<std::string>>();
    c.network = from.at("Network");
    BERTH_TRY(c.config, types::parse_container_config(from.at("Config"), ".Config"));
    BERTH_TRY(c.host, types::parse_host_config(from.at("HostConfig"), ".HostConfig"));
    BERTH_TRY(c.endpoints, read_endpoints(from, c.network));
    for (const auto& mount : from.at("Mounts")) c.mounts.push_back(parse_mount(mount));
    for (const auto& link : from.value("Links", json::array()))
        c.links.push_back({link.at("Id"), link.at("Name"), link.at("Alias")});
    return c;
}

Result<State> read_state(const json& from) {
    State state;
    auto status = parse_status(from.at("Status"));
    if (!status) return fail(ErrorKind::kDataLoss, "unknown status of a container");
    state.status = *status;
    state.pid = from.at("Pid");
    state.exit_code = from.at("ExitCode");
    state.oom_killed = from.at("OOMKilled");
    state.error = from.at("Error");
    BERTH_TRY(state.started_at, parse_rfc3339(from.at("StartedAt").get<std::string>()));
    BERTH_TRY(state.finished_at, parse_rfc3339(from.at("FinishedAt").get<std::string>()));
    state.restart_count = from.at("RestartCount");
    state.stopped_by_user = from.at("StoppedByUser");
    if (auto health = from.find("Health"); health != from.end())
        state.health = std::make_shared<const supervisor::Health>(parse_health(*health));
    return state;
}

}  // namespace

const char* status_text(Status status) {
    for (const auto& row : kStatuses) {
        if (row.status == status) return row.text;
    }
    return "dead";
}

std::optional<Status> parse_status(const std::string& text) {
    for (const auto& row : kStatuses) {
        if (text == row.text) return row.status;
    }
    return std::nullopt;
}

std::string render_record(const Container& c) {
    json mounts = json::array();
    for (const auto& mount : c.mounts) mounts.push_back(mount_json(mount));
    json links = json::array();
    for (const auto& link : c.links)
        links.push_back({{"Id", link.id}, {"Name", link.name}, {"Alias", link.alias}});
    json endpoints = json::object();
    for (const auto& [network, endpoint] : c.endpoints) endpoints[network] = types::to_json(endpoint);
    json record = {{"Id", c.id},
                   {"Name", c.name},
                   {"Created", format_rfc3339_nano(c.created_at)},
                   {"Image", c.image_id},
                   {"Manifest", c.manifest_id},
                   {"SnapshotParent", c.snapshot_parent},
                   {"Architecture", c.architecture},
                   {"Path", c.path},
                   {"Args", c.args},
                   {"Network", c.network},
                   {"Config", types::to_json(c.config)},
                   {"HostConfig", types::to_json(c.host)},
                   {"Endpoints", std::move(endpoints)},
                   {"Mounts", std::move(mounts)},
                   {"Links", std::move(links)}};
    // Environment and labels are any bytes; the record must never fail to be written.
    return record.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string render_state(const State& state) {
    json out = {{"Status", status_text(state.status)},
                {"Pid", state.pid},
                {"ExitCode", state.exit_code},
                {"OOMKilled", state.oom_killed},
                {"Error", state.error},
                {"StartedAt", format_rfc3339_nano(state.started_at)},
                {"FinishedAt", format_rfc3339_nano(state.finished_at)},
                {"RestartCount", state.restart_count},
                {"StoppedByUser", state.stopped_by_user}};
    if (state.health) out["Health"] = health_json(*state.health);
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Container> parse_record(const std::string& record) {
    return parsing("container record", [&] { return read_record(json::parse(record)); });
}

Result<State> parse_state(const std::string& state) {
    return parsing("container state", [&] { return read_state(json::parse(state)); });
}

}  // namespace berth::container
