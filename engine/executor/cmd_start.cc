#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"
#include "engine/executor/commands.h"
#include "engine/executor/container_state.h"

namespace berth::executor {

namespace {

// Lets init's open() of the fifo go on, and sees its byte. Init may die meanwhile: then nobody ever writes.
Result<> release_init(const std::string& path, const ContainerState& state) {
    BERTH_TRY(UniqueFd fifo, open_file(path, O_RDONLY | O_NONBLOCK));
    while (true) {
        pollfd wait{fifo.get(), POLLIN, 0};
        int ready = ::poll(&wait, 1, 100);
        if (ready < 0 && errno != EINTR) return fail_errno("poll");
        char byte = 0;
        if (ready > 0 && ::read(fifo.get(), &byte, 1) == 1) return {};
        if (process_start_time(state.pid) != state.start_time) {
            return fail(ErrorKind::kConflict, "container process is already dead");
        }
    }
}

}  // namespace

Result<> start_command(const Options& options) {
    BERTH_TRY(std::string id, only_id(options));
    BERTH_TRY(ContainerState state, load_state(options.root, id));
    switch (status_of(options.root, state)) {
        case Status::kCreated:
            break;
        case Status::kStopped:
            return fail(ErrorKind::kConflict, "cannot start a container that has stopped");
        default:
            return fail(ErrorKind::kConflict, "cannot start an already running container");
    }
    std::string path = fifo_path(options.root, id);
    BERTH_CHECK(release_init(path, state));
    if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path);
    return {};
}

}  // namespace berth::executor
