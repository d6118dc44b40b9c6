#include "engine/executor/commands.h"
#include "engine/executor/launch.h"

namespace berth::executor {

Result<> create_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_CHECK(launch(options, id));
    return {};
}

}  // namespace berth::executor
