#include "cli/output/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "cli/json.h"
#include "engine/base/files.h"
#include "engine/base/progress_text.h"

namespace berth::cli {

namespace {

std::string bar(const Json& detail) {
    if (detail.value("hidecounts", false)) return "";
    auto current = number_of(detail, "current"), total = number_of(detail, "total");
    if (current <= 0) return "";
    return progress_text(static_cast<std::uint64_t>(current),
                         static_cast<std::uint64_t>(std::max<std::int64_t>(total, 0)),
                         text_of(detail, "units"));
}

}  // namespace

Result<> ProgressView::write(std::string_view bytes) {
    pending_ += bytes;
    for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
        std::string text = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        BERTH_CHECK(line(text));
    }
    return {};
}

Result<> ProgressView::line(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return {};
    if (json.contains("error")) return fail(ErrorKind::kInternal, text_of(json, "error"));
    if (quiet_) return {};
    if (json.contains("stream")) return write_all(fd_, text_of(json, "stream"));
    std::string status = text_of(json, "status"), id = text_of(json, "id");
    if (status.empty()) return {};
    std::string progress = json.contains("progressDetail") ? bar(json["progressDetail"]) : "";
    if (id.empty()) {
        rows_.clear();
        return write_all(fd_, status + "\n");
    }
    if (terminal_) {
        draw(id, fmt::format("{}: {} {}", id, status, progress));
        return {};
    }
    return progress.empty() ? write_all(fd_, fmt::format("{}: {}\n", id, status)) : Result<>();
}

void ProgressView::draw(const std::string& id, const std::string& text) {
    auto [row, fresh] = rows_.try_emplace(id, rows_.size());
    std::size_t up = rows_.size() - row->second;
    std::string out = fresh ? "\n" : "";
    out += fmt::format("\x1b[{}A\x1b[2K\r{}\x1b[{}B\r", up, text, up);
    (void)write_all(fd_, out).has_value();
}

}  // namespace berth::cli
