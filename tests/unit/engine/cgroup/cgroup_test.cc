#include "engine/cgroup/cgroup.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/cgroup/settings.h"

namespace berth::cgroup {
namespace {

std::map<std::string, std::string> files(const Result<std::vector<Setting>>& settings) {
    std::map<std::string, std::string> out;
    for (const Setting& setting : *settings) out[setting.file] = setting.value;
    return out;
}

oci::Resources some_resources() {
    oci::Resources resources;
    resources.memory = oci::MemoryResources{.limit = 64 << 20, .reservation = 32 << 20, .swap = 96 << 20};
    resources.cpu = oci::CpuResources{.shares = 1024, .period = 100000};
    resources.cpu->quota = 50000;
    resources.pids_limit = 33;
    return resources;
}

TEST(Settings, Version1) {
    auto out = files(settings_v1(some_resources()));
    EXPECT_EQ(out["memory.limit_in_bytes"], std::to_string(64 << 20));
    EXPECT_EQ(out["memory.memsw.limit_in_bytes"], std::to_string(96 << 20));
    EXPECT_EQ(out["cpu.shares"], "1024");
    EXPECT_EQ(out["cpu.cfs_quota_us"], "50000");
    EXPECT_EQ(out["pids.max"], "33");
    oci::Resources unified;
    unified.unified["memory.high"] = "1";
    EXPECT_FALSE(settings_v1(unified));
}

TEST(Settings, Version2) {
    auto out = files(settings_v2(some_resources()));
    EXPECT_EQ(out["memory.max"], std::to_string(64 << 20));
    EXPECT_EQ(out["memory.swap.max"], std::to_string(32 << 20));
    EXPECT_EQ(out["memory.low"], std::to_string(32 << 20));
    EXPECT_EQ(out["cpu.weight"], "39");
    EXPECT_EQ(out["cpu.max"], "50000 100000");
    EXPECT_EQ(weight_of_shares(2), 1u);
    EXPECT_EQ(weight_of_shares(262144), 10000u);
    oci::Resources swap;
    swap.memory = oci::MemoryResources{.limit = 10, .swap = 5};
    EXPECT_FALSE(settings_v2(swap));
    oci::Resources slash;
    slash.unified["../x.y"] = "1";
    EXPECT_FALSE(settings_v2(slash));
}

TEST(Hierarchy, ReadsMountinfo) {
    Layout hybrid = parse_mountinfo(
        "30 1 0:2 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "31 30 0:3 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "32 30 0:4 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "33 30 0:5 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    ASSERT_EQ(hybrid.hierarchies.size(), 3u);
    EXPECT_TRUE(hybrid.hierarchies[0].has("cpuacct"));
    EXPECT_TRUE(hybrid.hierarchies[1].has("name=systemd"));
    EXPECT_FALSE(hybrid.unified_only());
    EXPECT_TRUE(
        parse_mountinfo("33 30 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n").unified_only());
}

TEST(Cgroup, HoldsAProcessAndGoesAgain) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto layout = current_layout();
    ASSERT_TRUE(layout);
    std::string top = "/berth-unit-" + random_hex(4);
    auto cgroup = Cgroup::at(*layout, top + "/one");
    ASSERT_TRUE(cgroup);
    auto created = cgroup->create();
    ASSERT_TRUE(created) << created.error().message;
    oci::Resources resources;
    resources.pids_limit = 7;
    auto applied = cgroup->apply(resources);
    EXPECT_TRUE(applied) << applied.error().message;
    pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    auto joined = cgroup->join(child);
    EXPECT_TRUE(joined) << joined.error().message;
    EXPECT_EQ(*cgroup->processes(), std::vector<pid_t>{child});
    EXPECT_TRUE(cgroup->freeze(true));
    EXPECT_TRUE(cgroup->freeze(false));
    EXPECT_TRUE(cgroup->kill_all());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(cgroup->remove());
    EXPECT_TRUE(Cgroup::at(*layout, top)->remove());
    for (const auto& folder : cgroup->folders()) EXPECT_FALSE(exists(folder.path)) << folder.path;
    EXPECT_FALSE(Cgroup::at(*layout, "/a/../b"));
}

}  // namespace
}  // namespace berth::cgroup
