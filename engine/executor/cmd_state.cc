#include <fmt/format.h>
#include <unistd.h>

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
    json["owner"] = state.owner == 0 ? "root" : std::to_string(state.owner);
    return json;
}

}  // namespace

Result<> state_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    nlohmann::ordered_json json = describe(options, state);
    json.erase("owner");
    json["owner"] = "";
    return write_all(STDOUT_FILENO, json.dump(2) + "\n");
}

Result<> list_command(const Options& options) {
    BERTH_TRY(auto all, load_all(options.root));
    if (options.format != "table" && options.format != "json") {
        return fail(ErrorKind::kInvalidArgument, "invalid format option");
    }
    std::string out;
    if (options.quiet) {
        for (const ContainerState& state : all) out += state.id + "\n";
    } else if (options.format == "json") {
        nlohmann::ordered_json rows = nlohmann::ordered_json::array();
        for (const ContainerState& state : all) rows.push_back(describe(options, state));
        out = (rows.empty() ? std::string("null") : rows.dump()) + "\n";
    } else {
        constexpr const char* kRow = "{:<11} {:<11} {:<11} {:<11} {:<11} {}\n";
        out = fmt::format(kRow, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
        for (const ContainerState& state : all) {
            Status status = status_of(options.root, state);
            out += fmt::format(kRow, state.id, status == Status::kStopped ? 0 : state.pid,
                               status_text(status), state.bundle, state.created,
                               state.owner == 0 ? "root" : std::to_string(state.owner));
        }
    }
    return write_all(STDOUT_FILENO, out);
}

}  // namespace berth::executor
