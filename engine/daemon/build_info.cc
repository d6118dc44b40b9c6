#include "engine/daemon/build_info.h"

namespace berth::daemon {

std::string_view git_commit() {
    return BERTH_GIT_COMMIT;
}
std::string_view build_time() {
    return BERTH_COMMIT_TIME;
}

}  // namespace berth::daemon
