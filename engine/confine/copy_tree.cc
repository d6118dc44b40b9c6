#include "engine/confine/copy_tree.h"

#include <cstdlib>

#include "engine/confine/helper_process.h"

namespace berth::confine {

Result<CopyReport> copy_tree(HelperOptions options, int source_fd, int target_fd) {
    BERTH_TRY(HelperProcess helper, HelperProcess::start(options, {"copy"}, -1, target_fd, {source_fd}));
    BERTH_TRY(std::vector<Fields> records, helper.finish());
    const Fields& done = records.back();
    return CopyReport{std::strtoull(done[2].c_str(), nullptr, 10),
                      std::strtoull(done[3].c_str(), nullptr, 10)};
}

}  // namespace berth::confine
