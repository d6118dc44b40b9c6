#include "engine/shim/stdio.h"

#include <fcntl.h>
#include <unistd.h>

namespace berth::shim {

namespace {
Result<> make_pipe(UniqueFd& read_end, UniqueFd& write_end) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return fail_errno("pipe");
    read_end.reset(fds[0]);
    write_end.reset(fds[1]);
    return {};
}
}  // namespace

Result<> set_nonblocking(int fd) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return fail_errno("non-blocking mode");
    return {};
}

Result<StdioPipes> make_stdio(bool with_stdin) {
    StdioPipes pipes;
    if (with_stdin) {
        BERTH_CHECK(make_pipe(pipes.stdin_read, pipes.stdin_write));
        BERTH_CHECK(set_nonblocking(pipes.stdin_write.get()));
    }
    BERTH_CHECK(make_pipe(pipes.stdout_read, pipes.stdout_write));
    BERTH_CHECK(make_pipe(pipes.stderr_read, pipes.stderr_write));
    BERTH_CHECK(set_nonblocking(pipes.stdout_read.get()));
    BERTH_CHECK(set_nonblocking(pipes.stderr_read.get()));
    return pipes;
}

}  // namespace berth::shim
