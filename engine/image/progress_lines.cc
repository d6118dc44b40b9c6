#include "engine/image/progress_lines.h"

#include <nlohmann/json.hpp>

#include "engine/base/progress_text.h"

namespace berth::image {

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

std::string end_line(const std::string& status, const std::string& id) {
    return json{{"status", status}, {"progressDetail", {{"hidecounts", true}}}, {"id", id}}.dump();
}

std::string progress_line(const std::string& status, const std::string& id, std::uint64_t current,
                          std::uint64_t total) {
    return json{{"status", status},
                {"progressDetail", {{"current", current}, {"total", total}}},
                {"progress", progress_text(current, total)},
                {"id", id}}
        .dump();
}

std::string time_line(const std::string& status, const std::string& id, std::uint64_t seconds) {
    return json{{"status", status},
                {"progressDetail", {{"current", seconds}, {"units", "s"}}},
                {"progress", progress_text(seconds, 0, "s")},
                {"id", id}}
        .dump();
}

}  // namespace berth::image
