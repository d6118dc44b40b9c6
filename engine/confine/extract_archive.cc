#include "engine/confine/extract_archive.h"

#include <fcntl.h>

#include <cstdlib>

#include "engine/base/files.h"
#include "engine/confine/helper_process.h"

namespace berth::confine {

namespace {

std::uint64_t number(const std::string& text) {
    return std::strtoull(text.c_str(), nullptr, 10);
}

void hear(const Fields& record, ArchiveReport& report, ArchiveWatcher* watcher) {
    const std::string& kind = record[0];
    if (kind == "member" && record.size() == 4)
        report.members.push_back({record[1], record[2], number(record[3])});
    if (kind == "done" && record.size() == 4) report.body_ended = number(record[2]) == 0;
    if (watcher == nullptr) return;
    if (kind == "begun" && record.size() == 4) watcher->begun({record[1], record[2], number(record[3])});
    if (kind == "grown" && record.size() == 3) watcher->grown(record[1], number(record[2]));
    if (kind == "ended" && record.size() == 2) watcher->ended(record[1]);
}

}  // namespace

Result<ArchiveReport> extract_archive(HelperOptions options, const TarInput& archive,
                                      const std::string& folder, ArchiveWatcher* watcher,
                                      ArchiveLimits limits) {
    BERTH_TRY(UniqueFd target, open_file(folder, O_RDONLY | O_DIRECTORY));
    options.stall = std::chrono::milliseconds(-1);
    BERTH_TRY(HelperProcess helper, HelperProcess::start(options,
                                                         {"extract", std::to_string(limits.members),
                                                          std::to_string(limits.bytes), framing_of(archive)},
                                                         archive.fd.get(), target.get(), {}));
    BERTH_CHECK(helper.send_early(archive));
    ArchiveReport report;
    BERTH_CHECK(helper.finish([&](const Fields& record) {
        if (!record.empty()) hear(record, report, watcher);
    }));
    return report;
}

}  // namespace berth::confine
