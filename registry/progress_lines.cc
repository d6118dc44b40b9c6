#include "registry/progress_lines.h"

#include <nlohmann/json.hpp>

namespace berth::registry {

using nlohmann::json;

std::string status_line(const std::string& status) {
    return json{{"status", status}}.dump();
}

std::string message_line(const std::string& message, const std::string& id) {
    return json{{"status", message}, {"id", id}}.dump();
}

std::string status_line(const std::string& status, const std::string& id) {
    return json{{"status", status}, {"progressDetail", json::object()}, {"id", id}}.dump();
}

std::string progress_line(const std::string& status, const std::string& id, std::uint64_t current,
                          std::uint64_t total) {
    return json{{"status", status}, {"progressDetail", {{"current", current}, {"total", total}}}, {"id", id}}
        .dump();
}

}  // namespace berth::registry
