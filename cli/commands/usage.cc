// docker system df
#include <fmt/format.h>

#include "cli/commands/system.h"
#include "cli/output/table.h"
#include "cli/output/units.h"

namespace berth::cli {

namespace {

struct Row {
    std::string type;
    std::size_t total = 0, active = 0;
    std::int64_t size = 0, reclaimable = 0;

    std::string reclaimable_text() const {
        std::string text = human_size(static_cast<double>(reclaimable));
        return size > 0 ? fmt::format("{} ({}%)", text, reclaimable * 100 / size) : text;
    }
};

Json list_of(const Json& usage, const char* key) {
    return usage.contains(key) && usage[key].is_array() ? usage[key] : Json::array();
}

Row image_row(const Json& usage) {
    Row row{.type = "Images", .size = number_of(usage, "LayersSize")};
    std::int64_t used = 0;
    for (const Json& image : list_of(usage, "Images")) {
        ++row.total;
        if (number_of(image, "Containers") <= 0) continue;
        ++row.active;
        auto size = number_of(image, "Size"), shared = number_of(image, "SharedSize");
        if (size != -1 && shared != -1) used += size - shared;
    }
    row.reclaimable = row.size - used;
    return row;
}

Row container_row(const Json& usage) {
    Row row{.type = "Containers"};
    for (const Json& container : list_of(usage, "Containers")) {
        ++row.total;
        auto size = number_of(container, "SizeRw");
        row.size += size;
        std::string state = text_of(container, "State");
        bool active = state == "running" || state == "paused" || state == "restarting";
        row.active += active ? 1 : 0;
        if (!active) row.reclaimable += size;
    }
    return row;
}

Row volume_row(const Json& usage) {
    Row row{.type = "Local Volumes"};
    for (const Json& volume : list_of(usage, "Volumes")) {
        ++row.total;
        const Json data = volume.value("UsageData", Json::object());
        auto size = number_of(data, "Size"), references = number_of(data, "RefCount");
        row.active += references != 0 ? 1 : 0;
        if (size == -1) continue;
        row.size += size;
        if (references == 0) row.reclaimable += size;
    }
    return row;
}

std::string details(const Json& usage) {
    Table images({"REPOSITORY", "TAG", "IMAGE ID", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"});
    for (const Json& image : list_of(usage, "Images")) {
        auto size = number_of(image, "Size"), shared = number_of(image, "SharedSize");
        std::string name = "<none>:<none>";
        if (auto names = list_of(image, "RepoTags"); !names.empty()) name = names[0].get<std::string>();
        auto colon = name.rfind(':');
        std::string id = text_of(image, "Id");
        images.add({name.substr(0, colon), name.substr(colon + 1), id.substr(id.find(':') + 1, 12),
                    human_size(static_cast<double>(size)), human_size(static_cast<double>(shared)),
                    human_size(static_cast<double>(size - shared)),
                    std::to_string(number_of(image, "Containers"))});
    }
    Table containers({"CONTAINER ID", "IMAGE", "LOCAL VOLUMES", "SIZE", "STATUS", "NAMES"});
    for (const Json& container : list_of(usage, "Containers")) {
        int volumes = 0;
        for (const Json& mount : list_of(container, "Mounts")) volumes += text_of(mount, "Type") == "volume";
        auto names = list_of(container, "Names");
        containers.add(
            {text_of(container, "Id").substr(0, 12), text_of(container, "Image"), std::to_string(volumes),
             human_size(static_cast<double>(number_of(container, "SizeRw"))), text_of(container, "Status"),
             names.empty() ? "" : names[0].get<std::string>().substr(1)});
    }
    Table volumes({"VOLUME NAME", "LINKS", "SIZE"});
    for (const Json& volume : list_of(usage, "Volumes")) {
        const Json data = volume.value("UsageData", Json::object());
        auto size = number_of(data, "Size");
        volumes.add({text_of(volume, "Name"), std::to_string(number_of(data, "RefCount")),
                     size == -1 ? "N/A" : human_size(static_cast<double>(size))});
    }
    return fmt::format(
        "Images space usage:\n\n{}\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\nBuild "
        "cache "
        "usage: 0B\n\n",
        images.text(), containers.text(), volumes.text());
}

}  // namespace

int df_command(Invocation& invocation, const Arguments& arguments) {
    bool verbose = false;
    std::string format;
    Flags flags("df [OPTIONS]", "Show docker disk usage");
    flags.toggle("verbose,v", &verbose, "Show detailed information on space usage");
    flags.text("format", &format, "string", "Format output using a custom template");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto usage = (*engine)->get("/system/df");
    if (!usage) return invocation.failed(usage.error());
    if (verbose && format.empty()) {
        print(details(*usage));
        return 0;
    }
    std::vector<Json> rows;
    Table table({"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"});
    for (const Row& row :
         {image_row(*usage), container_row(*usage), volume_row(*usage), Row{.type = "Build Cache"}}) {
        std::string size = human_size(static_cast<double>(row.size));
        table.add(
            {row.type, std::to_string(row.total), std::to_string(row.active), size, row.reclaimable_text()});
        rows.push_back({{"Type", row.type},
                        {"TotalCount", std::to_string(row.total)},
                        {"Active", std::to_string(row.active)},
                        {"Size", size},
                        {"Reclaimable", row.reclaimable_text()}});
    }
    return print_rows(invocation, rows, format, [&] { return table.text(); });
}

}  // namespace berth::cli
