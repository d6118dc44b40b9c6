#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "engine/base/files.h"
#include "engine/shim/loop.h"
#include "engine/shim/options.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/socket.h"
#include "engine/shim/protocol/task_file.h"
#include "engine/shim/reap.h"
#include "engine/shim/server.h"
#include "engine/sys/sealed_copy.h"

namespace {

using namespace berth;
using namespace berth::shim;

Result<UniqueFd> watch_children() {
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    if (::sigprocmask(SIG_BLOCK, &children, nullptr) != 0) return fail_errno("sigprocmask");
    UniqueFd signals(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return fail_errno("signalfd");
    return signals;
}

// When memory runs out, the container is to go before what keeps its log and exit code. The container itself
// gets the score back that we were started with.
void protect_from_oom() {
    (void)write_file("/proc/self/oom_score_adj", "-500").has_value();
}

// We are started while our bundle is being made: it is there once we are asked for something. False when
// nobody is going to.
bool asked_for() {
    char first = 0;
    ssize_t got = 0;
    pollfd control{kControlDescriptor, POLLIN, 0};
    do {
        (void)::poll(&control, 1, -1);
        got = ::recv(kControlDescriptor, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    return got > 0;
}

Result<TaskFile> read_task(const std::string& bundle) {
    if (::chdir(bundle.c_str()) != 0) return fail_errno("chdir " + bundle);
    BERTH_TRY(std::string bytes, read_file(kTaskFile, 1 << 20));
    return decode_task_file(bytes);
}

Result<> serve(const std::string& bundle) {
    protect_from_oom();
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return fail_errno("subreaper");
    BERTH_TRY(UniqueFd signals, watch_children());
    if (!asked_for()) return {};
    BERTH_TRY(TaskFile task, read_task(bundle));
    BERTH_TRY(UniqueFd listening, listen_here(kSocketFile));
    BERTH_TRY(Loop loop, Loop::make());
    UniqueFd runtime(kRuntimeDescriptor);
    if (!sys::is_sealed(runtime.get())) runtime.reset();
    Server server(loop, std::move(task), std::move(listening), std::move(signals),
                  UniqueFd(kControlDescriptor), std::move(runtime));
    loop.run();
    return {};
}

Result<> run(int argc, char** argv) {
    BERTH_TRY(ShimOptions options, parse_options(argc, argv));
    if (options.version) return write_all(STDOUT_FILENO, "berth-shim version " BERTH_VERSION "\n");
    if (options.reap_reason.empty()) return serve(options.bundle);
    BERTH_TRY(const TaskFile task, read_task(options.bundle));
    return reap(task, options.reap_reason);
}

}  // namespace

int main(int argc, char** argv) {
    sys::remember_process_defaults();
    auto done = run(argc, argv);
    if (done) return 0;
    (void)write_all(STDERR_FILENO, "berth-shim: " + done.error().message + "\n").has_value();
    return 1;
}
