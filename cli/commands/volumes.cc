#include <fmt/format.h>

#include "cli/commands/confirm.h"
#include "cli/commands/system.h"
#include "cli/output/table.h"
#include "cli/output/units.h"
#include "engine/base/ids.h"

namespace berth::cli {

namespace {

Json key_values(const std::vector<std::string>& items) {
    Json out = Json::object();
    for (const std::string& item : items) {
        auto equals = item.find('=');
        out[item.substr(0, equals)] = equals == std::string::npos ? "" : item.substr(equals + 1);
    }
    return out;
}

// GET `target` and print `keys` of each object below `list` ("" = the answer itself is the list).
int list_objects(Invocation& invocation, Flags& flags, const Arguments& arguments, const std::string& target,
                 const char* list, const std::vector<std::pair<const char*, const char*>>& columns,
                 const char* quiet_key) {
    bool quiet = false;
    std::string format;
    std::vector<std::string> filters;
    flags.toggle("quiet,q", &quiet, "Only display names or IDs");
    flags.list("filter,f", &filters, "Provide filter values");
    flags.text("format", &format, "string", "Format output using a custom template");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto answer = (*engine)->get(target + "?filters=" + *encoded);
    if (!answer) return invocation.failed(answer.error());
    Json objects = *list == '\0' ? *answer : answer->value(list, Json());
    std::vector<Json> rows;
    for (Json object : objects.is_array() ? objects : Json::array()) {
        std::string id = text_of(object, "Id");
        if (!id.empty()) object["ID"] = std::string(short_id(id));
        rows.push_back(std::move(object));
    }
    if (quiet && format.empty()) format = fmt::format("{{{{.{}}}}}", quiet_key);
    return print_rows(invocation, rows, format, [&] {
        std::vector<std::string> header;
        for (const auto& column : columns) header.emplace_back(column.first);
        Table table(header);
        for (const Json& row : rows) {
            std::vector<std::string> cells;
            for (const auto& column : columns) cells.push_back(text_of(row, column.second));
            table.add(std::move(cells));
        }
        return table.text();
    });
}

}  // namespace

int volume_create_command(Invocation& invocation, const Arguments& arguments) {
    std::string driver = "local", name;
    std::vector<std::string> options, labels;
    Flags flags("volume create [OPTIONS] [VOLUME]", "Create a volume");
    flags.text("driver,d", &driver, "string", "Specify volume driver name");
    flags.text("name", &name, "string", "");
    flags.list("opt,o", &options, "Set driver specific options");
    flags.list("label", &labels, "Set metadata for a volume");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 1, names, status)) return status;
    if (!names.empty()) name = names[0];
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto volume = (*engine)->post("/volumes/create", Json{{"Name", name},
                                                          {"Driver", driver},
                                                          {"DriverOpts", key_values(options)},
                                                          {"Labels", key_values(labels)}});
    if (!volume) return invocation.failed(volume.error());
    print(text_of(*volume, "Name") + "\n");
    return 0;
}

int volume_ls_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("volume ls [OPTIONS]", "List volumes");
    return list_objects(invocation, flags, arguments, "/volumes", "Volumes",
                        {{"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}}, "Name");
}

int network_ls_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("network ls [OPTIONS]", "List networks");
    return list_objects(invocation, flags, arguments, "/networks", "",
                        {{"NETWORK ID", "ID"}, {"NAME", "Name"}, {"DRIVER", "Driver"}, {"SCOPE", "Scope"}},
                        "ID");
}

int volume_rm_command(Invocation& invocation, const Arguments& arguments) {
    bool force = false;
    Flags flags("volume rm [OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes");
    flags.toggle("force,f", &force, "Force the removal of one or more volumes");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    return for_each_name(invocation, names, [&](Engine& engine, const std::string& name) -> Result<> {
        BERTH_CHECK(engine.call("DELETE", fmt::format("/volumes/{}?force={}", name, force ? 1 : 0)));
        return {};
    });
}

int volume_prune_command(Invocation& invocation, const Arguments& arguments) {
    bool all = false, force = false;
    std::vector<std::string> filters;
    Flags flags("volume prune [OPTIONS]", "Remove unused local volumes");
    flags.toggle("all,a", &all, "Remove all unused volumes, not just anonymous ones");
    flags.toggle("force,f", &force, "Do not prompt for confirmation");
    flags.list("filter", &filters, "Provide filter values");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    if (!force && !confirmed(all ? "This will remove all local volumes not used by at least one container."
                                 : "This will remove anonymous local volumes not used by at least one "
                                   "container."))
        return 0;
    if (all) filters.push_back("all=true");
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto pruned = (*engine)->post("/volumes/prune?filters=" + *encoded);
    if (!pruned) return invocation.failed(pruned.error());
    const Json deleted = pruned->value("VolumesDeleted", Json());
    if (deleted.is_array() && !deleted.empty()) {
        print("Deleted Volumes:\n");
        for (const Json& name : deleted) print(name.get<std::string>() + "\n");
        print("\n");
    }
    print(fmt::format("Total reclaimed space: {}\n",
                      human_size(static_cast<double>(number_of(*pruned, "SpaceReclaimed")))));
    return 0;
}

}  // namespace berth::cli
