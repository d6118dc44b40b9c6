#include "engine/shim/protocol/exit_record.h"

#include <cinttypes>
#include <cstdio>

#include "engine/base/files.h"
#include "engine/shim/protocol/bundle.h"

namespace berth::shim {

std::string format_exit_record(const ExitRecord& record) {
    char line[96];
    int size = std::snprintf(line, sizeof line, "berth-exit 1 code=%d oom=%d at=%" PRId64 "\n", record.code,
                             record.oom_killed ? 1 : 0, record.exited_at);
    return std::string(line, static_cast<std::size_t>(size)) + record.error;
}

Result<ExitRecord> parse_exit_record(std::string_view text) {
    auto end = text.find('\n');
    ExitRecord record;
    int version = 0, oom = 0;
    std::string line(text.substr(0, end));
    bool good =
        end != std::string_view::npos && std::sscanf(line.c_str(), "berth-exit %d code=%d oom=%d at=%" SCNd64,
                                                     &version, &record.code, &oom, &record.exited_at) == 4;
    if (!good || version != 1) return fail(ErrorKind::kDataLoss, "damaged exit record");
    record.oom_killed = oom != 0;
    record.error = text.substr(end + 1);
    return record;
}

Result<> write_exit_record(const std::string& bundle, const ExitRecord& record) {
    return replace_file(bundle + "/" + kExitFile, format_exit_record(record), 0600, Sync::kNone);
}

Result<ExitRecord> read_exit_record(const std::string& bundle) {
    BERTH_TRY(std::string text, read_file(bundle + "/" + kExitFile, 1 << 20));
    return parse_exit_record(text);
}

}  // namespace berth::shim
