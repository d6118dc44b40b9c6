#include "cli/commands/containers.h"
#include "cli/commands/limit_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/output/table.h"
#include "cli/output/units.h"
#include "cli/term/frames.h"
#include "engine/base/ids.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

// A command that does one POST per container and echoes its name.
int each(Invocation& invocation, Flags& flags, const Arguments& arguments,
         const std::function<std::string(const std::string& name)>& target) {
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    return for_each_name(invocation, names, [&](Engine& engine, const std::string& name) -> Result<> {
        BERTH_CHECK(engine.post(target(name)));
        return {};
    });
}

std::string stop_query(const Flags& flags, std::int64_t seconds, const std::string& signal) {
    std::string query;
    if (flags.changed("timeout") || flags.changed("time")) query += fmt::format("&t={}", seconds);
    if (!signal.empty()) query += "&signal=" + http::encode_form(signal);
    if (!query.empty()) query[0] = '?';
    return query;
}

// "0.0.0.0:8080->80/tcp, 443/tcp"
std::string ports_text(const Json& ports) {
    std::vector<std::string> texts;
    for (const Json& port : ports) {
        std::string inner = fmt::format("{}/{}", number_of(port, "PrivatePort"), text_of(port, "Type"));
        auto outer = number_of(port, "PublicPort");
        if (outer == 0) {
            texts.push_back(inner);
            continue;
        }
        std::string ip = text_of(port, "IP");
        if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
        texts.push_back(fmt::format("{}:{}->{}", ip, outer, inner));
    }
    std::sort(texts.begin(), texts.end());
    return fmt::format("{}", fmt::join(texts, ", "));
}

Json row_of(const Json& container, bool whole) {
    std::string id = text_of(container, "Id"), command = text_of(container, "Command");
    if (!whole && command.size() > 20) command = command.substr(0, 19) + "…";
    std::vector<std::string> names;
    for (const Json& name : container.value("Names", Json::array())) {
        std::string text = name.get<std::string>();
        // "/web", and "/other/web" for a legacy link.
        if (std::count(text.begin(), text.end(), '/') == 1) names.push_back(text.substr(1));
    }
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count();
    auto age = std::chrono::seconds(seconds - number_of(container, "Created"));
    std::string labels;
    const Json all = container.value("Labels", Json());
    for (auto label = all.begin(); label != all.end(); ++label) {
        labels += (labels.empty() ? "" : ",") + label.key() + "=" + label.value().get<std::string>();
    }
    std::string size = human_size(static_cast<double>(number_of(container, "SizeRw")));
    auto root = number_of(container, "SizeRootFs");
    if (root > 0) size += fmt::format(" (virtual {})", human_size(static_cast<double>(root)));
    return {
        {"ID", whole ? id : std::string(short_id(id))},
        {"Image", text_of(container, "Image")},
        {"Command", "\"" + command + "\""},
        {"RunningFor", human_duration(age) + " ago"},
        {"CreatedAt", format_rfc3339_nano(Timestamp(std::chrono::seconds(number_of(container, "Created"))))},
        {"Status", text_of(container, "Status")},
        {"State", text_of(container, "State")},
        {"Ports", ports_text(container.value("Ports", Json::array()))},
        {"Names", fmt::format("{}", fmt::join(names, ","))},
        {"Labels", labels},
        {"Size", size}};
}

}  // namespace

int stop_command(Invocation& invocation, const Arguments& arguments) {
    std::int64_t seconds = 0;
    std::string signal;
    Flags flags("stop [OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers");
    flags.number("timeout,t", &seconds, "Seconds to wait before killing the container");
    flags.number("time", &seconds, "");
    flags.text("signal,s", &signal, "string", "Signal to send to the container");
    return each(invocation, flags, arguments, [&](const std::string& name) {
        return fmt::format("/containers/{}/stop{}", name, stop_query(flags, seconds, signal));
    });
}

int restart_command(Invocation& invocation, const Arguments& arguments) {
    std::int64_t seconds = 0;
    std::string signal;
    Flags flags("restart [OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers");
    flags.number("timeout,t", &seconds, "Seconds to wait before killing the container");
    flags.number("time", &seconds, "");
    flags.text("signal,s", &signal, "string", "Signal to send to the container");
    return each(invocation, flags, arguments, [&](const std::string& name) {
        return fmt::format("/containers/{}/restart{}", name, stop_query(flags, seconds, signal));
    });
}

int kill_command(Invocation& invocation, const Arguments& arguments) {
    std::string signal;
    Flags flags("kill [OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers");
    flags.text("signal,s", &signal, "string", "Signal to send to the container");
    return each(invocation, flags, arguments, [&](const std::string& name) {
        return fmt::format("/containers/{}/kill{}", name,
                           signal.empty() ? "" : "?signal=" + http::encode_form(signal));
    });
}

int pause_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("pause CONTAINER [CONTAINER...]", "Pause all processes within one or more containers");
    return each(invocation, flags, arguments,
                [](const std::string& name) { return "/containers/" + name + "/pause"; });
}

int unpause_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("unpause CONTAINER [CONTAINER...]", "Unpause all processes within one or more containers");
    return each(invocation, flags, arguments,
                [](const std::string& name) { return "/containers/" + name + "/unpause"; });
}

int update_command(Invocation& invocation, const Arguments& arguments) {
    LimitOptions limits;
    Flags flags("update [OPTIONS] CONTAINER [CONTAINER...]",
                "Update configuration of one or more containers");
    limits.add_flags(flags);
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    Json changes = Json::object();
    if (auto added = limits.add_to(flags, changes); !added) return invocation.failed(added.error());
    if (changes.empty()) {
        return invocation.failed(
            {ErrorKind::kInvalidArgument, "you must provide one or more flags when using this command"});
    }
    return for_each_name(invocation, names, [&](Engine& engine, const std::string& name) -> Result<> {
        BERTH_CHECK(engine.post(fmt::format("/containers/{}/update", name), changes));
        return {};
    });
}

int rm_command(Invocation& invocation, const Arguments& arguments) {
    bool force = false, volumes = false, link = false;
    Flags flags("rm [OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers");
    flags.toggle("force,f", &force, "Force the removal of a running container (uses SIGKILL)");
    flags.toggle("volumes,v", &volumes, "Remove anonymous volumes associated with the container");
    flags.toggle("link,l", &link, "Remove the specified link");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    return for_each_name(invocation, names, [&](Engine& engine, const std::string& name) -> Result<> {
        auto removed = engine.call("DELETE", fmt::format("/containers/{}?force={}&v={}&link={}", name,
                                                         force ? 1 : 0, volumes ? 1 : 0, link ? 1 : 0));
        // With force, what is not there is as good as removed, but the user is told.
        if (!removed && force && removed.error().kind == ErrorKind::kNotFound) {
            warn(removed.error().message + "\n");
            return {};
        }
        if (!removed) return Failure(removed.error());
        return {};
    });
}

int wait_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("wait CONTAINER [CONTAINER...]",
                "Block until one or more containers stop, then print their exit codes");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    return for_each_name(
        invocation, names,
        [](Engine& engine, const std::string& name) -> Result<> {
            BERTH_TRY(Json answer, engine.post(fmt::format("/containers/{}/wait", name)));
            if (answer.contains("Error") && answer["Error"].is_object()) {
                return fail(ErrorKind::kInternal, text_of(answer["Error"], "Message"));
            }
            print(fmt::format("{}\n", number_of(answer, "StatusCode")));
            return {};
        },
        false);
}

int rename_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("rename CONTAINER NEW_NAME", "Rename a container");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 2, 2, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto renamed =
        (*engine)->post(fmt::format("/containers/{}/rename?name={}", names[0], http::encode_form(names[1])));
    return renamed ? 0 : invocation.failed(renamed.error());
}

int ps_command(Invocation& invocation, const Arguments& arguments) {
    bool all = false, quiet = false, whole = false, latest = false, size = false;
    std::int64_t last = -1;
    std::string format;
    std::vector<std::string> filters;
    Flags flags("ps [OPTIONS]", "List containers");
    flags.toggle("all,a", &all, "Show all containers (default shows just running)");
    flags.toggle("quiet,q", &quiet, "Only display container IDs");
    flags.toggle("no-trunc", &whole, "Don't truncate output");
    flags.toggle("latest,l", &latest, "Show the latest created container (includes all states)");
    flags.toggle("size,s", &size, "Display total file sizes");
    flags.number("last,n", &last, "Show n last created containers (includes all states)");
    flags.list("filter,f", &filters, "Filter output based on conditions provided");
    flags.text("format", &format, "string", "Format output using a custom template");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    std::string target = fmt::format("/containers/json?all={}&size={}", all ? 1 : 0, size ? 1 : 0);
    if (latest) last = 1;
    if (last >= 0) target += fmt::format("&limit={}", last);
    if (!encoded->empty()) target += "&filters=" + *encoded;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto containers = (*engine)->get(target);
    if (!containers) return invocation.failed(containers.error());
    std::vector<Json> rows;
    for (const Json& container : *containers) rows.push_back(row_of(container, whole));
    if (quiet && format.empty()) format = "{{.ID}}";
    return print_rows(invocation, rows, format, [&] {
        std::vector<const char*> keys = {"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"};
        std::vector<std::string> header = {"CONTAINER ID", "IMAGE", "COMMAND", "CREATED",
                                           "STATUS",       "PORTS", "NAMES"};
        if (size) keys.push_back("Size"), header.push_back("SIZE");
        Table table(header);
        for (const Json& row : rows) {
            std::vector<std::string> cells;
            for (const char* key : keys) cells.push_back(text_of(row, key));
            table.add(std::move(cells));
        }
        return table.text();
    });
}

int logs_command(Invocation& invocation, const Arguments& arguments) {
    bool follow = false, timestamps = false, details = false;
    std::string tail = "all", since, until;
    Flags flags("logs [OPTIONS] CONTAINER", "Fetch the logs of a container");
    flags.toggle("follow,f", &follow, "Follow log output");
    flags.toggle("timestamps,t", &timestamps, "Show timestamps");
    flags.toggle("details", &details, "Show extra details provided to logs");
    flags.text("tail,n", &tail, "string", "Number of lines to show from the end of the logs");
    flags.text("since", &since, "string",
               "Show logs since timestamp or relative (e.g. \"42m\" for 42 minutes)");
    flags.text("until", &until, "string",
               "Show logs before a timestamp or relative (e.g. \"42m\" for 42 minutes)");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 1, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto inspected = (*engine)->get(fmt::format("/containers/{}/json", names[0]));
    if (!inspected) return invocation.failed(inspected.error());
    std::string target = fmt::format("/containers/{}/logs?stdout=1&stderr=1&tail={}",
                                     text_of(*inspected, "Id"), http::encode_form(tail));
    if (follow) target += "&follow=1";
    if (timestamps) target += "&timestamps=1";
    if (details) target += "&details=1";
    for (auto [key, text] : {std::pair("since", &since), std::pair("until", &until)}) {
        if (text->empty()) continue;
        auto moment = moment_of(*text);
        if (!moment) return invocation.failed(moment.error());
        target += fmt::format("&{}={}", key, *moment);
    }
    FrameWriter writer(inspected->value(Json::json_pointer("/Config/Tty"), false));
    auto done =
        (*engine)->stream("GET", target, {}, -1, [&](std::string_view bytes) { return writer.write(bytes); });
    return done ? 0 : invocation.failed(done.error());
}

int port_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("port CONTAINER [PRIVATE_PORT[/PROTO]]",
                "List port mappings or a specific mapping for the container");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, 2, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto inspected = (*engine)->get(fmt::format("/containers/{}/json", names[0]));
    if (!inspected) return invocation.failed(inspected.error());
    const Json ports = inspected->value(Json::json_pointer("/NetworkSettings/Ports"), Json::object());
    std::string wanted = names.size() > 1 ? names[1] : "";
    if (!wanted.empty() && wanted.find('/') == std::string::npos) wanted += "/tcp";
    bool found = false;
    for (auto port = ports.begin(); port != ports.end(); ++port) {
        if ((!wanted.empty() && port.key() != wanted) || !port.value().is_array()) continue;
        for (const Json& binding : port.value()) {
            found = true;
            std::string ip = text_of(binding, "HostIp");
            if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
            std::string host = ip + ":" + text_of(binding, "HostPort");
            print(wanted.empty() ? port.key() + " -> " + host + "\n" : host + "\n");
        }
    }
    if (wanted.empty() || found) return 0;
    return invocation.failed(
        {ErrorKind::kNotFound, fmt::format("no public port '{}' published for {}", wanted, names[0])});
}

int top_command(Invocation& invocation, const Arguments& arguments) {
    Flags flags("top CONTAINER [ps OPTIONS]", "Display the running processes of a container",
                Flags::Order::kFirst);
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 1, kAny, names, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    std::string options = fmt::format("{}", fmt::join(names.begin() + 1, names.end(), " "));
    std::string target = fmt::format("/containers/{}/top", names[0]);
    if (!options.empty()) target += "?ps_args=" + http::encode_form(options);
    auto processes = (*engine)->get(target);
    if (!processes) return invocation.failed(processes.error());
    Table table(processes->value("Titles", std::vector<std::string>()));
    for (const Json& process : processes->value("Processes", Json::array())) {
        table.add(process.get<std::vector<std::string>>());
    }
    print(table.text());
    return 0;
}

}  // namespace berth::cli
