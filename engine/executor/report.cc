#include "engine/executor/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/base/time.h"

namespace berth::executor {

namespace {

void write_log(const Options& options, const char* level, const std::string& message) {
    nlohmann::json quoted = message;
    std::string time = format_rfc3339_nano(now());
    auto text = [&](const nlohmann::json& value) {
        return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    std::string line = options.log_json
                           ? "{\"level\":\"" + std::string(level) + "\",\"msg\":" + text(quoted) +
                                 ",\"time\":\"" + time + "\"}\n"
                           : "time=\"" + time + "\" level=" + level + " msg=" + text(quoted) + "\n";
    if (options.log_path.empty()) {
        (void)write_all(STDERR_FILENO, line).has_value();
        return;
    }
    auto file = open_file(options.log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (file) (void)write_all(file->get(), line).has_value();
}

}  // namespace

void report(const Options& options, const Error& error) {
    std::string message = error.message;
    if (options.command == "create" || options.command == "run") {
        message = "runc " + options.command + " failed: " + message;
    } else if (options.command == "exec") {
        message = "exec failed: " + message;
    }
    write_log(options, "error", message);
    // With a log of its own the caller still gets the words on stderr.
    if (!options.log_path.empty()) (void)write_all(STDERR_FILENO, message + "\n").has_value();
}

void debug(const Options& options, const std::string& message) {
    if (options.debug) write_log(options, "debug", message);
}

void warn(const Options& options, const std::string& message) {
    write_log(options, "warning", message);
}

}  // namespace berth::executor
