#include "engine/confine/recompress.h"

#include <fcntl.h>

#include "engine/base/files.h"
#include "engine/confine/extract_archive.h"
#include "engine/confine/helper_process.h"

namespace berth::confine {

Result<std::string> recompress(const HelperOptions& options, int input_fd, const std::string& folder) {
    BERTH_TRY(UniqueFd target, open_file(folder, O_RDONLY | O_DIRECTORY));
    BERTH_TRY(HelperProcess helper,
              HelperProcess::start(options, {"recompress", std::to_string(ArchiveLimits{}.bytes)}, input_fd,
                                   target.get(), {}));
    BERTH_CHECK(helper.finish());
    return folder + "/0";
}

}  // namespace berth::confine
