#include "engine/executor/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

// The caller's terminal, raw for as long as this lives.
class RawTerminal {
 public:
    RawTerminal() {
        termios raw{};
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        raw = before_;
        ::cfmakeraw(&raw);
        // Lines end here with a return, not already inside: what is piped on has none.
        raw.c_oflag = before_.c_oflag;
        changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal() {
        if (changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

 private:
    termios before_{};
    bool changed_ = false;
};

void end_lines_outside(int master) {
    termios inside{};
    if (::tcgetattr(master, &inside) != 0) return;
    inside.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
    ::tcsetattr(master, TCSANOW, &inside);
}

void follow_size(int master) {
    winsize size{};
    if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) (void)::ioctl(master, TIOCSWINSZ, &size);
}

// One portion from one side to the other; false at its end.
bool relay(int from, int to) {
    char buffer[8192];
    ssize_t got = ::read(from, buffer, sizeof buffer);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    return got > 0 && write_all(to, {buffer, static_cast<std::size_t>(got)}).has_value();
}

// What the process wrote last is still in the terminal when it has ended.
void empty(int master) {
    ::fcntl(master, F_SETFL, O_NONBLOCK);
    char buffer[8192];
    for (ssize_t got; (got = ::read(master, buffer, sizeof buffer)) > 0;)
        (void)write_all(STDOUT_FILENO, {buffer, static_cast<std::size_t>(got)}).has_value();
}

std::optional<int> reap_children(pid_t pid) {
    std::optional<int> ended;
    int status = 0;
    for (pid_t child; (child = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (child == pid) ended = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return ended;
}

}  // namespace

sigset_t hold_signals() {
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, &before);
    return before;
}

Result<TerminalLine> make_terminal_line() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    return TerminalLine{UniqueFd(pair[0]), UniqueFd(pair[1])};
}

Result<int> accompany(pid_t pid, UniqueFd master, NotifySocket& notify) {
    sigset_t all;
    ::sigfillset(&all);
    UniqueFd signals(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return fail_errno("signalfd");
    std::optional<RawTerminal> raw;
    if (master) {
        raw.emplace();
        end_lines_outside(master.get());
        follow_size(master.get());
    }
    bool typing = static_cast<bool>(master);
    for (;;) {
        // It may have ended before anybody listened.
        if (auto ended = reap_children(pid)) {
            if (master) empty(master.get());
            return *ended;
        }
        pollfd wait[] = {{signals.get(), POLLIN, 0},
                         {master.get(), POLLIN, 0},
                         {typing ? STDIN_FILENO : -1, POLLIN, 0},
                         {notify.fd(), POLLIN, 0}};
        if (::poll(wait, 4, -1) < 0 && errno != EINTR) return fail_errno("poll");
        signalfd_siginfo info{};
        while (::read(signals.get(), &info, sizeof info) == sizeof info) {
            auto signal = static_cast<int>(info.ssi_signo);
            if (signal == SIGCHLD || signal == SIGPIPE) continue;
            if (signal == SIGWINCH && master)
                follow_size(master.get());
            else
                ::kill(pid, signal);
        }
        // The last program that had the terminal open is gone.
        if (wait[1].revents != 0 && !relay(master.get(), STDOUT_FILENO)) master.reset();
        if (wait[2].revents != 0 && master && !relay(STDIN_FILENO, master.get())) typing = false;
        if (!master) typing = false;
        if (wait[3].revents != 0) BERTH_CHECK(notify.relay(pid));
    }
}

}  // namespace berth::executor
