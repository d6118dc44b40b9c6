#include "engine/confine/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "engine/sys/abandon.h"

namespace berth::confine {

namespace {

Failure stalled() {
    return fail(ErrorKind::kDeadlineExceeded, "berth-helper: no progress, given up");
}

}  // namespace

Result<HelperProcess> HelperProcess::start(const HelperOptions& options, std::vector<std::string> arguments,
                                           int input, int target_fd, const std::vector<int>& extra) {
    int result[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, result) != 0) return fail_errno("socketpair");
    UniqueFd ours(result[0]), theirs(result[1]);
    sys::SpawnOptions spawn;
    spawn.argv = helper_command(options, std::move(arguments));
    spawn.fds = {input, -1, -1, theirs.get(), target_fd};
    spawn.fds.insert(spawn.fds.end(), extra.begin(), extra.end());
    BERTH_TRY(sys::ChildProcess child, in("start berth-helper", sys::spawn(spawn)));
    return HelperProcess(options, std::move(child), std::move(ours), input);
}

HelperProcess::~HelperProcess() {
    sys::abandon(std::move(child_));
}

// One piece of the result; false at its end.
Result<bool> HelperProcess::read_result() {
    off_t position = watched_ >= 0 ? ::lseek(watched_, 0, SEEK_CUR) : 0;
    while (true) {
        pollfd wait{result_.get(), POLLIN, 0};
        int ready = ::poll(&wait, 1, static_cast<int>(options_.stall.count()));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return fail_errno("poll");
        if (ready > 0) break;
        off_t now = watched_ >= 0 ? ::lseek(watched_, 0, SEEK_CUR) : 0;
        if (now == position) return stalled();
        position = now;
    }
    char buffer[1 << 14];
    ssize_t got = ::read(result_.get(), buffer, sizeof buffer);
    if (got < 0 && errno != EINTR) return fail_errno("read the result of berth-helper");
    if (got > 0) records_.append({buffer, static_cast<std::size_t>(got)});
    return got != 0;
}

Result<> HelperProcess::finish(const Hear& hear) {
    while (true) {
        Fields fields;
        while (records_.take(fields)) {
            if (!fields.empty() && fields[0] == "error") return Failure(decode_error(fields));
            hear(fields);
            if (fields.size() == 4 && fields[0] == "done") return {};
        }
        BERTH_TRY(bool more, read_result());
        if (!more) return fail(ErrorKind::kInternal, "berth-helper died without a result");
    }
}

Result<std::vector<Fields>> HelperProcess::finish() {
    std::vector<Fields> records;
    BERTH_CHECK(finish([&](const Fields& record) { records.push_back(record); }));
    return records;
}

}  // namespace berth::confine
