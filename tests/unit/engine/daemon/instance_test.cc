#include "engine/daemon/instance.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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
    ASSERT_TRUE(replace_file(pid, "1", 0600, Sync::kNone));
    auto refused = Instance::claim(data, state, pid);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "failed to start daemon: process with PID 1 is still running");
    ASSERT_TRUE(replace_file(pid, "4194999", 0600, Sync::kNone));
    EXPECT_TRUE(Instance::claim(data, state, pid));
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
