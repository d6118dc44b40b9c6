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

TEST(Settings, ZeroIsNotGiven) {
    oci::Resources zeros;
    zeros.memory = oci::MemoryResources{.limit = 0, .reservation = 0, .swap = 0};
    zeros.cpu = oci::CpuResources{.shares = 0, .period = 0, .realtime_period = 0};
    zeros.cpu->quota = 0;
    zeros.cpu->realtime_runtime = 0;
    zeros.pids_limit = 0;
    zeros.block_io = oci::BlockIoResources{.weight = 0};
    EXPECT_TRUE(settings_v1(zeros)->empty());
    EXPECT_TRUE(settings_v2(zeros)->empty());
}

TEST(Settings, OrdersThatTheKernelWants) {
    auto names = [](const Result<std::vector<Setting>>& settings) {
        std::vector<std::string> out;
        for (const Setting& setting : *settings) out.push_back(setting.file);
        return out;
    };
    using Names = std::vector<std::string>;
    oci::Resources idle;
    idle.cpu = oci::CpuResources{.shares = 512};
    idle.cpu->idle = 1;
    EXPECT_EQ(names(settings_v2(idle)), (Names{"cpu.weight", "cpu.idle"}));
    EXPECT_EQ(names(settings_v1(idle)), (Names{"cpu.shares", "cpu.idle"}));
    idle.cpu->idle = 0;
    EXPECT_EQ(names(settings_v2(idle)), (Names{"cpu.idle", "cpu.weight"}));
    EXPECT_EQ(names(settings_v2(some_resources()))[0], "memory.swap.max");
    oci::Resources endless;
    endless.memory = oci::MemoryResources{.limit = -1};
    EXPECT_EQ(files(settings_v2(endless)),
              (std::map<std::string, std::string>{{"memory.swap.max", "max"}, {"memory.max", "max"}}));
    EXPECT_EQ(names(settings_v1(endless))[0], "memory.memsw.limit_in_bytes");
}

TEST(Settings, FilesThatNotEveryKernelHas) {
    oci::Resources some;
    some.block_io = oci::BlockIoResources{.weight = 500};
    some.hugepage_limits.push_back({"2MB", 1 << 21});
    auto v2 = *settings_v2(some);
    EXPECT_EQ(v2[0], (Setting{"io", "io.bfq.weight", "500", "io.weight", "default 4950"}));
    EXPECT_EQ(v2[2].file, "hugetlb.2MB.rsvd.max");
    EXPECT_TRUE(v2[2].optional);
    EXPECT_EQ((*settings_v1(some))[0].other_file, "blkio.bfq.weight");
    oci::Resources swappy;
    swappy.memory = oci::MemoryResources{.swappiness = 150};
    EXPECT_EQ(settings_v1(swappy).error().message,
              "invalid memory swappiness value: 150 (valid range is 0-100)");
    some.hugepage_limits[0].page_size = "../x";
    EXPECT_FALSE(settings_v1(some));
}

TEST(Places, RelativePathsLieBelowTheOwnCgroup) {
    auto layout = current_layout();
    ASSERT_TRUE(layout);
    auto own = read_file("/proc/self/cgroup");
    auto named = places_of(*layout, "", "name"), relative = places_of(*layout, "a/b", "name"),
         absolute = places_of(*layout, "/a/b", "name");
    for (const Hierarchy& hierarchy : layout->hierarchies) {
        std::string above = own_path(hierarchy, *own);
        if (layout->unified_only()) above = above.substr(0, above.rfind('/'));
        if (above == "/") above.clear();
        EXPECT_EQ(named->at(hierarchy.mount_point), above + "/name");
        EXPECT_EQ(relative->at(hierarchy.mount_point), above + "/a/b");
        EXPECT_EQ(absolute->at(hierarchy.mount_point), "/a/b");
    }
    EXPECT_FALSE(places_of(*layout, "../x", "name"));
    EXPECT_FALSE(places_of(*layout, "/", "name"));
    Hierarchy part{"/sys/fs/cgroup/pids", "/docker/x", {"pids"}, false};
    EXPECT_EQ(own_path(part, "3:cpu:/else\n8:pids:/docker/x/below\n0::/\n"), "/below");
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
    resources.pids_limit = 9;
    applied = cgroup->apply(resources);
    EXPECT_TRUE(applied) << applied.error().message;
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
