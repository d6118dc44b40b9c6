#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

#include "cli/commands/containers.h"
#include "cli/output/table.h"
#include "cli/output/units.h"
#include "cli/term/terminal.h"

namespace berth::cli {

namespace {

double real(const Json& object, const char* pointer) {
    const Json* found =
        object.contains(Json::json_pointer(pointer)) ? &object[Json::json_pointer(pointer)] : nullptr;
    return found != nullptr && found->is_number() ? found->get<double>() : 0;
}

double cpu_percent(const Json& now, const Json& before) {
    auto delta = [&](const char* pointer) { return real(now, pointer) - real(before, pointer); };
    double used = delta("/cpu_stats/cpu_usage/total_usage"), all = delta("/cpu_stats/system_cpu_usage");
    if (used <= 0 || all <= 0) return 0;
    return used / all * real(now, "/cpu_stats/online_cpus") * 100;
}

// What the kernel could drop at once does not count.
double memory_used(const Json& sample) {
    double usage = real(sample, "/memory_stats/usage");
    for (const char* pointer :
         {"/memory_stats/stats/total_inactive_file", "/memory_stats/stats/inactive_file"}) {
        double inactive = real(sample, pointer);
        if (inactive > 0 && inactive < usage) return usage - inactive;
    }
    return usage;
}

std::string network_io(const Json& sample) {
    double in = 0, out = 0;
    for (const Json& network : sample.value("networks", Json::object())) {
        in += real(network, "/rx_bytes");
        out += real(network, "/tx_bytes");
    }
    return human_size(in) + " / " + human_size(out);
}

std::string block_io(const Json& sample) {
    double read = 0, written = 0;
    Json items = sample.value(Json::json_pointer("/blkio_stats/io_service_bytes_recursive"), Json());
    for (const Json& item : items.is_array() ? items : Json::array()) {
        std::string operation = text_of(item, "op");
        if (operation.empty()) continue;
        if ((operation[0] | 0x20) == 'r') read += real(item, "/value");
        if ((operation[0] | 0x20) == 'w') written += real(item, "/value");
    }
    return human_size(read) + " / " + human_size(written);
}

Json row_of(const std::string& asked, const Json& now, const Json& before, bool whole_id) {
    std::string id = text_of(now, "id"), name = text_of(now, "name");
    double used = memory_used(now), limit = real(now, "/memory_stats/limit");
    return {{"Container", asked},
            {"ID", whole_id ? id : id.substr(0, 12)},
            {"Name", name.starts_with('/') ? name.substr(1) : name},
            {"CPUPerc", fmt::format("{:.2f}%", cpu_percent(now, before))},
            {"MemUsage", binary_size(used) + " / " + binary_size(limit)},
            {"MemPerc", fmt::format("{:.2f}%", limit > 0 ? used / limit * 100 : 0)},
            {"NetIO", network_io(now)},
            {"BlockIO", block_io(now)},
            {"PIDs", fmt::format("{:.0f}", real(now, "/pids_stats/current"))}};
}

using Samples = std::map<std::string, Json>;

Result<Samples> sample_all(Engine& engine, const Arguments& names) {
    Samples out;
    for (const std::string& name : names) {
        BERTH_TRY(out[name], engine.get(fmt::format("/containers/{}/stats?stream=0&one-shot=1", name)));
    }
    return out;
}

Result<Arguments> names_to_watch(Engine& engine, const Arguments& given, bool all) {
    if (!given.empty()) return given;
    BERTH_TRY(Json containers, engine.get(all ? "/containers/json?all=1" : "/containers/json"));
    Arguments names;
    for (const Json& container : containers) names.push_back(text_of(container, "Id").substr(0, 12));
    return names;
}

std::string table_of(const std::vector<Json>& rows) {
    Table table(
        {"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"});
    for (const Json& row : rows) {
        std::vector<std::string> cells;
        for (const char* key : {"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"})
            cells.push_back(text_of(row, key));
        table.add(std::move(cells));
    }
    return table.text();
}

}  // namespace

int stats_command(Invocation& invocation, const Arguments& arguments) {
    bool all = false, once = false, whole = false;
    std::string format;
    Flags flags("stats [OPTIONS] [CONTAINER...]",
                "Display a live stream of container(s) resource usage statistics");
    flags.toggle("all,a", &all, "Show all containers (default shows just running)");
    flags.toggle("no-stream", &once, "Disable streaming stats and only pull the first result");
    flags.toggle("no-trunc", &whole, "Do not truncate output");
    flags.text("format", &format, "string", "Format output using a custom template");
    Arguments given;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, kAny, given, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    Samples before;
    while (true) {
        auto names = names_to_watch(**engine, given, all);
        if (!names) return invocation.failed(names.error());
        auto now = sample_all(**engine, *names);
        if (!now) return invocation.failed(now.error());
        if (before.empty() && !now->empty()) {
            // A rate needs two readings.
            before = std::move(*now);
            std::this_thread::sleep_for(std::chrono::seconds(1));
            continue;
        }
        std::vector<Json> rows;
        for (const std::string& name : *names)
            rows.push_back(row_of(name, (*now)[name], before[name], whole));
        if (!once && is_terminal(STDOUT_FILENO)) print("\033[H\033[J");
        status = print_rows(invocation, rows, format, [&] { return table_of(rows); });
        if (once || status != 0) return status;
        before = std::move(*now);
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

}  // namespace berth::cli
