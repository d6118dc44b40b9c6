#include "engine/sys/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "engine/base/files.h"
#include "engine/sys/pidfd.h"
#include "engine/sys/pty.h"

namespace berth::sys {

namespace {

// Runs a shell script and returns what it prints.
std::string output_of(const std::string& script, SpawnOptions options = {}) {
    int pipe_fds[2];
    EXPECT_EQ(0, ::pipe2(pipe_fds, O_CLOEXEC));
    UniqueFd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
    options.argv = {"/bin/sh", "-c", script};
    options.env = {"PATH=/usr/bin:/bin", "GREETING=hello"};
    options.fds = {-1, write_end.get(), 2};
    auto child = spawn(options);
    EXPECT_TRUE(child) << (child ? "" : child.error().message);
    write_end.reset();
    std::string out = read_all(read_end.get()).value();
    if (child) {
        EXPECT_EQ(0, wait_child(child->pidfd.get())->exit_code);
    }
    return out;
}

}  // namespace

TEST(Spawn, HasTheEnvironmentAndFolderItWasGiven) {
    EXPECT_EQ("hello /tmp\n", output_of("echo $GREETING $(pwd)", {.folder = "/tmp"}));
}

TEST(Spawn, LeaksNoDescriptor) {
    UniqueFd leak(::open("/dev/null", O_RDONLY));  // not close-on-exec on purpose
    ASSERT_TRUE(leak);
    EXPECT_EQ("0\n1\n2\n", output_of("ls /proc/$$/fd; true"));
}

TEST(Spawn, ResetsSignalsAndUmask) {
    sigset_t some, before;
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    sigaddset(&some, SIGRTMIN);
    ::pthread_sigmask(SIG_BLOCK, &some, &before);
    auto old_handler = ::signal(SIGPIPE, SIG_IGN);
    mode_t old_mask = ::umask(0);
    std::string out = output_of("grep -E '^Sig(Blk|Ign)' /proc/self/status; umask");
    ::umask(old_mask);
    ::signal(SIGPIPE, old_handler);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_EQ("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n", out);
}

TEST(Spawn, GivesBackTheRememberedLimits) {
    remember_process_defaults();
    std::string before = output_of("ulimit -n -S");
    rlimit now{};
    ASSERT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &now));
    rlimit lower{now.rlim_cur / 2, now.rlim_max};
    ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &lower));
    std::string after = output_of("ulimit -n -S");
    ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &now));
    EXPECT_EQ(before, after);
}

TEST(Spawn, SwapsDescriptors) {
    int pipe_fds[2];
    ASSERT_EQ(0, ::pipe2(pipe_fds, O_CLOEXEC));
    UniqueFd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
    // 1 becomes the child's 2 and the other way round.
    SpawnOptions options;
    options.argv = {"/bin/sh", "-c", "echo wanted >&3"};
    options.fds = {-1, 2, 1, write_end.get()};
    auto child = spawn(options);
    ASSERT_TRUE(child);
    write_end.reset();
    EXPECT_EQ("wanted\n", read_all(read_end.get()).value());
    EXPECT_EQ(0, wait_child(child->pidfd.get())->exit_code);
}

TEST(Spawn, SaysWhatFailedAndLeavesNoChild) {
    auto missing = spawn({.argv = {"/no/such/program"}});
    ASSERT_FALSE(missing);
    EXPECT_EQ("exec /no/such/program: no such file or directory", missing.error().message);
    auto nowhere = spawn({.argv = {"/bin/true"}, .folder = "/no/such/folder"});
    ASSERT_FALSE(nowhere);
    EXPECT_EQ("chdir: no such file or directory", nowhere.error().message);
    SpawnOptions hooked{.argv = {"/bin/true"}};
    hooked.hook.run = [](void*, const char** stage) {
        *stage = "hook";
        return EPERM;
    };
    auto refused = spawn(hooked);
    ASSERT_FALSE(refused);
    EXPECT_EQ("hook: operation not permitted", refused.error().message);
    auto lost = spawn({.argv = {"/no/such/program"}, .orphan = true});
    ASSERT_FALSE(lost);
    EXPECT_EQ(-1, ::waitpid(-1, nullptr, 0));
    EXPECT_EQ(ECHILD, errno);
}

TEST(Spawn, AnOrphanIsNotOurs) {
    int pipe_fds[2];
    ASSERT_EQ(0, ::pipe2(pipe_fds, O_CLOEXEC));
    UniqueFd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
    auto child =
        spawn({.argv = {"/bin/sh", "-c", "echo $$"}, .fds = {-1, write_end.get(), -1}, .orphan = true});
    ASSERT_TRUE(child);
    write_end.reset();
    EXPECT_EQ(std::to_string(child->pid) + "\n", read_all(read_end.get()).value());
    EXPECT_EQ(-1, ::waitpid(child->pid, nullptr, 0));
    EXPECT_EQ(ECHILD, errno);
}

TEST(Pidfd, SignalsAndTellsAGoneProcess) {
    auto child = spawn({.argv = {"/bin/sleep", "1000"}});
    ASSERT_TRUE(child);
    auto pidfd = open_pidfd(child->pid);
    ASSERT_TRUE(pidfd);
    ASSERT_TRUE(send_signal(pidfd->get(), SIGKILL));
    EXPECT_EQ(137, wait_child(child->pidfd.get())->exit_code);
    auto again = send_signal(pidfd->get(), SIGKILL);
    ASSERT_FALSE(again);
    EXPECT_EQ(ErrorKind::kConflict, again.error().kind);
    EXPECT_EQ(ErrorKind::kNotFound, open_pidfd(child->pid).error().kind);
}

TEST(Pty, HasASize) {
    auto pty = open_pty();
    ASSERT_TRUE(pty) << pty.error().message;
    ASSERT_TRUE(set_window_size(pty->master.get(), {12, 34}));
    EXPECT_EQ((WindowSize{12, 34}), window_size(pty->slave.get()).value());
}

}  // namespace berth::sys
