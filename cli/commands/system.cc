#include "cli/commands/system.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <map>

#include "cli/output/units.h"
#include "engine/templates/template.h"

namespace berth::cli {

namespace {

int print_template(const Invocation& invocation, const std::string& format, const Json& data) {
    auto parsed = templates::Template::parse(format == "json" ? "{{json .}}" : format);
    if (!parsed) return invocation.failed(parsed.error());
    auto text = parsed->render(data);
    if (!text) return invocation.failed(text.error());
    print(*text + "\n");
    return 0;
}

std::string row(std::string_view name, std::string_view value, int indent = 1) {
    return fmt::format("{}{:<{}}{}\n", std::string(static_cast<std::size_t>(indent), ' '),
                       fmt::format("{}:", name), indent > 1 ? 19 : 20, value);
}

Json client_version() {
    utsname host{};
    ::uname(&host);
    std::string machine = host.machine;
    std::string arch = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
    return {{"Version", BERTH_VERSION}, {"ApiVersion", "1.51"}, {"Os", "linux"}, {"Arch", arch}};
}

std::string event_text(const Json& event) {
    auto nanos = number_of(event, "timeNano");
    std::string attributes;
    const Json actor = event.value("Actor", Json::object());
    for (const auto& [key, value] : actor.value("Attributes", std::map<std::string, std::string>())) {
        attributes += fmt::format("{}{}={}", attributes.empty() ? "" : ", ", key, value);
    }
    std::string line =
        fmt::format("{} {} {} {}", format_rfc3339_fixed(Timestamp(std::chrono::nanoseconds(nanos))),
                    text_of(event, "Type"), text_of(event, "Action"), text_of(actor, "ID"));
    return attributes.empty() ? line : line + " (" + attributes + ")";
}

}  // namespace

int version_command(Invocation& invocation, const Arguments& arguments) {
    std::string format;
    Flags flags("version [OPTIONS]", "Show the version information");
    flags.text("format,f", &format, "string", "Format output using a custom template");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    Json data = {{"Client", client_version()}, {"Server", nullptr}};
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto server = (*engine)->get("/version");
    if (server) data["Server"] = *server;
    if (!format.empty()) {
        int printed = print_template(invocation, format, data);
        return server ? printed : invocation.failed(server.error());
    }
    const Json& client = data["Client"];
    std::string out = "Client:\n" + row("Version", text_of(client, "Version")) +
                      row("API version", text_of(client, "ApiVersion")) +
                      row("OS/Arch", text_of(client, "Os") + "/" + text_of(client, "Arch"));
    if (!server) {
        print(out);
        return invocation.failed(server.error());
    }
    out += fmt::format("\nServer: {}\n", text_of(server->value("Platform", Json::object()), "Name"));
    for (const Json& component : server->value("Components", Json::array())) {
        out += fmt::format(" {}:\n", text_of(component, "Name"));
        out += row("Version", text_of(component, "Version"), 2);
        const Json details = component.value("Details", Json());
        for (auto [label, key] :
             {std::pair("API version", "ApiVersion"), std::pair("Min API version", "MinAPIVersion"),
              std::pair("Git commit", "GitCommit"), std::pair("Built", "BuildTime"),
              std::pair("Kernel", "KernelVersion")}) {
            std::string value = details.is_object() ? text_of(details, key) : "";
            if (!value.empty()) out += row(label, value, 2);
        }
    }
    print(out);
    return 0;
}

int info_command(Invocation& invocation, const Arguments& arguments) {
    std::string format;
    Flags flags("info [OPTIONS]", "Display system-wide information");
    flags.text("format,f", &format, "string", "Format output using a custom template");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto info = (*engine)->get("/info");
    if (!info) return invocation.failed(info.error());
    if (!format.empty()) return print_template(invocation, format, *info);
    auto line = [&](std::string_view label, const char* key) {
        const Json value = info->value(key, Json());
        std::string text = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
        return text.empty() ? std::string() : fmt::format(" {}: {}\n", label, text);
    };
    std::string out = "Client:\n Version:    " + std::string(BERTH_VERSION) + "\n\nServer:\n";
    out += line("Containers", "Containers");
    out += " " + line("Running", "ContainersRunning") + " " + line("Paused", "ContainersPaused") + " " +
           line("Stopped", "ContainersStopped");
    out +=
        line("Images", "Images") + line("Server Version", "ServerVersion") + line("Storage Driver", "Driver");
    for (const Json& pair : info->value("DriverStatus", Json::array())) {
        out += fmt::format("  {}: {}\n", pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
    }
    out += line("Logging Driver", "LoggingDriver") + line("Cgroup Driver", "CgroupDriver") +
           line("Cgroup Version", "CgroupVersion") + line("Swarm", "Swarm") +
           line("Default Runtime", "DefaultRuntime");
    out += " Security Options:\n";
    for (const Json& option : info->value("SecurityOptions", Json::array())) {
        out += fmt::format("  {}\n", option.get<std::string>());
    }
    out += line("Kernel Version", "KernelVersion") + line("Operating System", "OperatingSystem") +
           line("OSType", "OSType") + line("Architecture", "Architecture") + line("CPUs", "NCPU");
    out += fmt::format(" Total Memory: {:.4g}GiB\n",
                       static_cast<double>(number_of(*info, "MemTotal")) / (1 << 30));
    out += line("Name", "Name") + line("ID", "ID") + line("Docker Root Dir", "DockerRootDir") +
           line("Debug Mode", "Debug");
    out += line("Live Restore Enabled", "LiveRestoreEnabled");
    print(out);
    const Json warnings = info->value("Warnings", Json());
    for (const Json& warning : warnings.is_array() ? warnings : Json::array())
        warn(warning.get<std::string>() + "\n");
    return 0;
}

int events_command(Invocation& invocation, const Arguments& arguments) {
    std::string format, since, until;
    std::vector<std::string> filters;
    Flags flags("events [OPTIONS]", "Get real time events from the server");
    flags.text("format", &format, "string", "Format output using a custom template");
    flags.text("since", &since, "string", "Show all events created since timestamp");
    flags.text("until", &until, "string", "Stream events until this timestamp");
    flags.list("filter,f", &filters, "Filter output based on conditions provided");
    Arguments none;
    int status = 0;
    if (!invocation.parse(flags, arguments, 0, 0, none, status)) return status;
    auto encoded = encode_filters(filters);
    if (!encoded) return invocation.failed(encoded.error());
    std::string target = "/events?filters=" + *encoded;
    for (auto [key, text] : {std::pair("since", &since), std::pair("until", &until)}) {
        if (text->empty()) continue;
        auto moment = moment_of(*text);
        if (!moment) return invocation.failed(moment.error());
        target += fmt::format("&{}={}", key, *moment);
    }
    auto parsed = templates::Template::parse(format == "json" ? "{{json .}}" : format);
    if (!parsed) return invocation.failed(parsed.error());
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    std::string pending;
    auto done = (*engine)->stream("GET", target, {}, -1, [&](std::string_view bytes) -> Result<> {
        pending += bytes;
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            Json event = Json::parse(pending.substr(0, end), nullptr, false);
            pending.erase(0, end + 1);
            if (!event.is_object()) continue;
            std::string line = event_text(event);
            if (!format.empty()) {
                BERTH_TRY(line, parsed->render(event));
            }
            print(line + "\n");
        }
        return {};
    });
    return done ? 0 : invocation.failed(done.error());
}

}  // namespace berth::cli
