#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"

namespace berth::executor {

namespace {

nlohmann::ordered_json describe(const Options& options, const ContainerState& state) {
    Status status = status_of(options.root, state);
    nlohmann::ordered_json json = {{"ociVersion", state.oci_version},
                                   {"id", state.id},
                                   {"pid", status == Status::kStopped ? 0 : state.pid},
                                   {"status", status_text(status)},
                                   {"bundle", state.bundle},
                                   {"rootfs", state.rootfs},
                                   {"created", state.created}};
    if (!state.annotations.empty()) json["annotations"] = state.annotations;
    json["owner"] = "";
    return json;
}

}  // namespace

Result<> state_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    return write_all(STDOUT_FILENO, describe(options, state).dump(2) + "\n");
}

namespace {

// Columns as Go's tabwriter makes them: as wide as their widest cell and three blanks, at least twelve.
std::string table_of(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max({widths[i], row[i].size() + 3, std::size_t{12}});
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i) out += fmt::format("{:<{}}", row[i], widths[i]);
        out += row.back() + "\n";
    }
    return out;
}

std::string owner_of(const ContainerState& state) {
    return state.owner == 0 ? "root" : "#" + std::to_string(state.owner);
}

}  // namespace

Result<> list_command(const Options& options) {
    BERTH_TRY(auto all, load_all(options.root));
    std::string out;
    if (options.quiet) {
        for (const ContainerState& state : all) out += state.id + "\n";
    } else if (options.format == "json") {
        nlohmann::ordered_json rows = nlohmann::ordered_json::array();
        for (const ContainerState& state : all) {
            rows.push_back(describe(options, state));
            rows.back()["owner"] = owner_of(state);
        }
        out = (rows.empty() ? std::string("null") : rows.dump()) + "\n";
    } else if (options.format == "table") {
        std::vector<std::vector<std::string>> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
        for (const ContainerState& state : all) {
            Status status = status_of(options.root, state);
            rows.push_back({state.id, std::to_string(status == Status::kStopped ? 0 : state.pid),
                            status_text(status), state.bundle, state.created, owner_of(state)});
        }
        out = table_of(rows);
    } else {
        return fail(ErrorKind::kInvalidArgument, "invalid format option");
    }
    return write_all(STDOUT_FILENO, out);
}

}  // namespace berth::executor
