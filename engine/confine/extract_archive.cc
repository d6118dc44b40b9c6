#include "engine/confine/extract_archive.h"

#include <fcntl.h>

#include <cstdlib>

#include "engine/base/files.h"
#include "engine/confine/helper_process.h"

namespace berth::confine {

Result<std::vector<ArchiveMember>> extract_archive(HelperOptions options, Reader archive,
                                                   const std::string& folder, ArchiveLimits limits) {
    BERTH_TRY(UniqueFd target, open_file(folder, O_RDONLY | O_DIRECTORY));
    BERTH_TRY(HelperProcess helper,
              HelperProcess::start(options,
                                   {"extract", std::to_string(limits.members), std::to_string(limits.bytes)},
                                   -1, target.get(), {}));
    std::string buffer(1 << 18, '\0');
    while (true) {
        BERTH_TRY(std::size_t got, archive(buffer.data(), buffer.size()));
        if (got == 0) break;
        BERTH_CHECK(helper.feed({buffer.data(), got}));
    }
    BERTH_TRY(std::vector<Fields> records, helper.finish());
    std::vector<ArchiveMember> members;
    for (const Fields& record : records) {
        if (record.size() != 4 || record[0] != "member") continue;
        members.push_back({record[1], record[2], std::strtoull(record[3].c_str(), nullptr, 10)});
    }
    return members;
}

}  // namespace berth::confine
