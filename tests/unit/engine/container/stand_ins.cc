#include <fcntl.h>

#include "engine/base/files.h"
#include "engine/container/runtime_plan.h"
#include "engine/sys/mount.h"

// The lifecycle is tested without the kernel and without a runtime: no mount is made and no spec is needed.
// Defined here, these are not taken from the libraries; the real ones have tests of their own folders.
namespace berth::container {

Result<RuntimePlan> make_runtime_plan(const Core&, const Container&, const PlanInputs&) {
    return RuntimePlan{"{}", {}};
}

}  // namespace berth::container

namespace berth::sys {

Result<UniqueFd> mount_detached(const Mount& mount) {
    return open_file(mount.source, O_PATH | O_DIRECTORY);
}

Result<UniqueFd> clone_mount(int fd) {
    return fail(ErrorKind::kNotImplemented, "clone_mount of " + std::to_string(fd));
}

}  // namespace berth::sys
