// berth-init -- PROGRAM ARGS…: process 1 of a container that was made with --init. It starts the program,
// hands every signal on to it, reaps what is orphaned, and ends as the program does: its exit code, or 128 +
// its signal. 126 and 127 when the program cannot be started, as a shell has it.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <initializer_list>

namespace {

int complain(const char* what, const char* about) {
    std::fprintf(stderr, "berth-init: %s %s: %s\n", what, about, std::strerror(errno));
    return errno == ENOENT ? 127 : 126;
}

[[noreturn]] void run_program(char** argv, const sigset_t& mask) {
    // The program's children get the terminal's signals and this process does not. Without a terminal that
    // fails, and a background process that changes it would be stopped.
    ::setpgid(0, 0);
    std::signal(SIGTTOU, SIG_IGN);
    ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
    std::signal(SIGTTOU, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::execvp(argv[0], argv);
    ::_exit(complain("exec", argv[0]));
}

// -1: the program still runs.
int reap(pid_t program) {
    int code = -1, status = 0;
    for (pid_t gone = ::waitpid(-1, &status, WNOHANG); gone > 0; gone = ::waitpid(-1, &status, WNOHANG)) {
        if (gone == program) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return code;
}

// Those that a fault of this process raises must not wait in a mask.
void leave_faults(sigset_t& set) {
    for (int fault : {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU})
        ::sigdelset(&set, fault);
}

}  // namespace

int main(int argc, char** argv) {
    int first = argc > 1 && std::strcmp(argv[1], "--") == 0 ? 2 : 1;
    if (first >= argc) {
        std::fputs("usage: berth-init [--] PROGRAM [ARGS…]\n", stderr);
        return 1;
    }
    sigset_t all, before;
    ::sigfillset(&all);
    leave_faults(all);
    ::sigprocmask(SIG_BLOCK, &all, &before);
    pid_t program = ::fork();
    if (program < 0) return complain("fork for", argv[first]);
    if (program == 0) run_program(argv + first, before);
    while (true) {
        int signal = ::sigwaitinfo(&all, nullptr);
        if (signal < 0) continue;
        if (signal != SIGCHLD) {
            ::kill(program, signal);
            continue;
        }
        int code = reap(program);
        if (code >= 0) return code;
    }
}
