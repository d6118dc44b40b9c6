#include "engine/executor/start_gate.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

constexpr char kPassed = '0';

Failure already_running() {
    return fail(ErrorKind::kConflict, "cannot start an already running container");
}

// Up to its end, which init's exec or death brings.
Result<std::string> read_to_end(int gate) {
    std::string said;
    char buffer[8192];
    for (;;) {
        ssize_t got = ::read(gate, buffer, sizeof buffer);
        if (got == 0) return said;
        if (got > 0) {
            for (ssize_t at = 0; at < got; ++at) {
                if (buffer[at] != '\0') said += buffer[at];
            }
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail_errno("read from init");
        pollfd wait{gate, POLLIN, 0};
        if (::poll(&wait, 1, -1) < 0 && errno != EINTR) return fail_errno("poll");
    }
}

}  // namespace

Result<UniqueFd> make_start_gate(const std::string& path) {
    if (::mkfifo(path.c_str(), 0600) != 0) return fail_errno("mkfifo");
    BERTH_TRY(UniqueFd gate, open_file(path, O_RDWR | O_NONBLOCK));
    // As small as it can be: less to fill.
    (void)::fcntl(gate.get(), F_SETPIPE_SZ, 1);
    static constexpr char kFilling[4096] = {};
    for (std::size_t size = sizeof kFilling; size > 0;) {
        if (::write(gate.get(), kFilling, size) < 0) size = errno == EINTR ? size : size / 2;
    }
    if (::fcntl(gate.get(), F_SETFL, O_RDWR) != 0) return fail_errno("fcntl");
    return gate;
}

bool pass_gate(int gate) {
    ssize_t written = 0;
    do {
        written = ::write(gate, &kPassed, 1);
    } while (written < 0 && errno == EINTR);
    return written == 1;
}

void tell_failure(int gate, const std::string& text) {
    (void)write_all(gate, text).has_value();
}

Result<> open_gate(const std::string& path) {
    auto gate = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!gate) return gate.error().sys_errno == ENOENT ? already_running() : Failure(std::move(gate.error()));
    // Of two that start it at once one comes too late.
    struct stat status{};
    if (::flock(gate->get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(gate->get(), &status) != 0 ||
        status.st_nlink == 0)
        return already_running();
    BERTH_TRY(std::string said, read_to_end(gate->get()));
    if (said.empty()) return fail(ErrorKind::kConflict, "container process is already dead");
    ::unlink(path.c_str());
    if (said.size() > 1) return fail(ErrorKind::kInternal, said.substr(1));
    return {};
}

}  // namespace berth::executor
