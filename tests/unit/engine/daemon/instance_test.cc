#include "engine/daemon/instance.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "engine/base/files.h"

namespace berth::daemon {
namespace {

mode_t mode_of(const std::string& path) {
    struct stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 0777;
}

TEST(Instance, IsOnePerDataRoot) {
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    const std::string data = dir->path() + "/data", state = dir->path() + "/state",
                      pid = dir->path() + "/run/pid";
    {
        auto first = Instance::claim(data, state, pid);
        ASSERT_TRUE(first) << first.error().message;
        EXPECT_EQ(mode_of(data), 0710u);
        EXPECT_EQ(mode_of(state), 0700u);
        EXPECT_TRUE(exists(pid));
        auto second = Instance::claim(data, state, dir->path() + "/pid2");
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().message, "another daemon uses the data root " + data);
    }
    EXPECT_FALSE(exists(pid));
    EXPECT_TRUE(Instance::claim(data, state, pid));
}

TEST(Instance, ALivePidRefusesAStaleOneDoesNot) {
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    const std::string data = dir->path() + "/data", state = dir->path() + "/state",
                      pid = dir->path() + "/pid";
    auto claim = [&](pid_t holder) {
        EXPECT_TRUE(replace_file(pid, std::to_string(holder), 0600, Sync::kNone));
        auto claimed = Instance::claim(data, state, pid);
        return claimed ? std::string("claimed") : claimed.error().message;
    };
    // Another process of the same program.
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    EXPECT_EQ(claim(child),
              fmt::format("failed to start daemon: process with PID {} is still running", child));
    ::kill(child, SIGKILL);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(claim(child), "claimed");  // a zombie
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_EQ(claim(child), "claimed");
    EXPECT_EQ(claim(1), "claimed");  // a number that somebody else has now
}

TEST(Instance, TheEngineKeepsItsId) {
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    auto first = engine_id(dir->path());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->size(), 36u);
    EXPECT_EQ(*engine_id(dir->path()), *first);
}

}  // namespace
}  // namespace berth::daemon
