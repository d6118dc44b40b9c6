#include "cli/commands/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>

#include "engine/base/files.h"
#include "engine/base/time.h"
#include "engine/http/url.h"
#include "engine/templates/template.h"

namespace berth::cli {

void print(std::string_view text) {
    (void)write_all(STDOUT_FILENO, text).has_value();
}
void warn(std::string_view text) {
    (void)write_all(STDERR_FILENO, text).has_value();
}

Result<Engine*> Invocation::engine() {
    if (!engine_) {
        BERTH_TRY(engine_, Engine::open(settings_));
    }
    return engine_.get();
}

bool Invocation::parse(Flags& flags, const Arguments& arguments, std::size_t least, std::size_t most,
                       Arguments& positional, int& status) const {
    std::string name = flags.usage().substr(0, flags.usage().find(" ["));
    auto parsed = flags.parse(arguments);
    if (parsed && flags.help_wanted()) {
        print("\n" + flags.help(program_));
        status = 0;
        return false;
    }
    status = name == "run" || name == "create" ? 125 : 1;
    if (!parsed) {
        warn(fmt::format("{}\n\nUsage:  {} {}\n\nRun '{} {} --help' for more information\n",
                         parsed.error().message, program_, flags.usage(), program_, name));
        return false;
    }
    positional = std::move(*parsed);
    status = 0;
    if (positional.size() >= least && positional.size() <= most) return true;
    status = 1;
    auto count = [](std::size_t n) { return fmt::format("{} argument{}", n, n == 1 ? "" : "s"); };
    std::string wants = least == most              ? "requires " + count(least)
                        : most == kAny             ? "requires at least " + count(least)
                        : positional.size() > most ? "requires at most " + count(most)
                                                   : "requires at least " + count(least);
    if (most == 0) wants = "accepts no arguments";
    warn(fmt::format("{}: '{} {}' {}\n\nUsage:  {} {}\n\nRun '{} {} --help' for more information\n", program_,
                     program_, name, wants, program_, flags.usage(), program_, name));
    return false;
}

int Invocation::failed(const Error& error, int status) const {
    warn(error.message + "\n");
    return status;
}

int for_each_name(Invocation& invocation, const Arguments& names,
                  const std::function<Result<>(Engine& engine, const std::string& name)>& act, bool echo) {
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    int status = 0;
    for (const std::string& name : names) {
        if (auto done = act(**engine, name); !done) {
            status = invocation.failed(done.error());
        } else if (echo) {
            print(name + "\n");
        }
    }
    return status;
}

int print_rows(Invocation& invocation, const std::vector<Json>& rows, const std::string& format,
               const std::function<std::string()>& otherwise) {
    if (format.empty() || format == "table") {
        print(otherwise());
        return 0;
    }
    auto parsed = templates::Template::parse(format == "json" ? "{{json .}}" : format);
    if (!parsed) return invocation.failed(parsed.error());
    for (const Json& row : rows) {
        auto line = parsed->render(row);
        if (!line) return invocation.failed(line.error());
        print(*line + "\n");
    }
    return 0;
}

Result<std::string> encode_filters(const std::vector<std::string>& filters) {
    if (filters.empty()) return std::string();
    std::map<std::string, Json> grouped;
    for (const std::string& filter : filters) {
        auto equals = filter.find('=');
        if (equals == std::string::npos) {
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("invalid argument \"{}\" for \"-f, --filter\" flag: "
                                    "invalid filter '{}'",
                                    filter, filter));
        }
        grouped[filter.substr(0, equals)][filter.substr(equals + 1)] = true;
    }
    return http::encode_form(Json(grouped).dump());
}

Result<std::string> moment_of(const std::string& text) {
    if (parse_unix_time(text)) return text;
    Timestamp moment{};
    if (auto duration = parse_duration(text)) {
        moment = now() - *duration;
    } else {
        // A date alone, or a time without a zone, is taken as UTC.
        std::string whole = text.find('T') == std::string::npos ? text + "T00:00:00Z" : text;
        auto exact = parse_rfc3339(whole);
        if (!exact) exact = parse_rfc3339(whole + "Z");
        if (!exact)
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("failed to parse value as time or duration: {}", text));
        moment = *exact;
    }
    auto nanos = moment.time_since_epoch().count();
    return fmt::format("{}.{:09}", nanos / 1'000'000'000, nanos % 1'000'000'000);
}

}  // namespace berth::cli
