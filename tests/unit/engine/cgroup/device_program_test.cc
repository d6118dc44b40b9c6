#include "engine/cgroup/device_program.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/base/files.h"
#include "engine/cgroup/hierarchy.h"

namespace berth::cgroup {
namespace {

using oci::DeviceRule;

DeviceRule rule(bool allow, std::string type, std::optional<std::int64_t> major,
                std::optional<std::int64_t> minor, std::string access) {
    DeviceRule made;
    made.allow = allow;
    made.type = std::move(type);
    made.major = major;
    made.minor = minor;
    made.access = std::move(access);
    return made;
}

const DeviceRule kDenyAll = rule(false, "a", {}, {}, "rwm");

// A version 2 cgroup of the test's own; on a hybrid host it lies in the tree without controllers.
class DeviceProgram : public testing::Test {
 protected:
    void SetUp() override {
        auto layout = current_layout();
        ASSERT_TRUE(layout);
        for (const auto& hierarchy : layout->hierarchies) {
            if (hierarchy.unified)
                folder_ = hierarchy.mount_point + "/berth-unit-" + std::to_string(getpid());
        }
        if (folder_.empty() || geteuid() != 0) GTEST_SKIP() << "needs root and a cgroup2 mount";
        ASSERT_EQ(::mkdir(folder_.c_str(), 0755), 0);
    }
    void TearDown() override {
        if (!folder_.empty()) {
            EXPECT_EQ(::rmdir(folder_.c_str()), 0);
        }
    }

    // What a process in the cgroup may do: "n" write /dev/null, "z" read /dev/zero, "u" write /dev/urandom,
    // "m" make a node like /dev/null, "b" make a block device.
    std::string allowed() {
        int pipe[2];
        EXPECT_EQ(::pipe(pipe), 0);
        pid_t child = ::fork();
        if (child == 0) {
            if (!write_file(folder_ + "/cgroup.procs", "0")) ::_exit(1);
            auto may = [&](const char* name, bool yes) {
                if (yes) (void)!::write(pipe[1], name, 1);
            };
            may("n", ::open("/dev/null", O_WRONLY) >= 0);
            may("z", ::open("/dev/zero", O_RDONLY) >= 0);
            may("u", ::open("/dev/urandom", O_WRONLY) >= 0);
            may("m", make_node(S_IFCHR, makedev(1, 3)));
            may("b", make_node(S_IFBLK, makedev(7, 200)));
            ::_exit(0);
        }
        ::close(pipe[1]);
        std::string answer = read_all(pipe[0]).value_or("");
        int status = 0;
        ::waitpid(child, &status, 0);
        ::close(pipe[0]);
        EXPECT_EQ(status, 0);
        return answer;
    }
    static bool make_node(mode_t type, dev_t device) {
        std::string path = "/tmp/berth-node-" + std::to_string(::getpid());
        bool made = ::mknod(path.c_str(), type | 0600, device) == 0;
        ::unlink(path.c_str());
        return made;
    }

    std::string folder_;
};

TEST_F(DeviceProgram, WithoutRulesNothingIsAllowed) {
    ASSERT_TRUE(attach_device_program(folder_, {}));
    EXPECT_EQ(allowed(), "");
}

// Docker's list begins with this rule: what stands behind it in the program would be unreachable.
TEST_F(DeviceProgram, ARuleForAllEndsTheProgram) {
    ASSERT_TRUE(attach_device_program(folder_, {rule(true, "c", 1, 3, "rwm"), kDenyAll}));
    EXPECT_EQ(allowed(), "");
}

TEST_F(DeviceProgram, TheLastRuleThatMatchesDecides) {
    ASSERT_TRUE(
        attach_device_program(folder_, {kDenyAll, rule(true, "c", {}, {}, "m"), rule(true, "b", {}, {}, "m"),
                                        rule(true, "c", 1, 3, "rwm"), rule(true, "c", 1, 5, "r")}));
    EXPECT_EQ(allowed(), "nzmb");
}

TEST_F(DeviceProgram, ADenialAppliesToAnyOfItsAccesses) {
    ASSERT_TRUE(
        attach_device_program(folder_, {rule(true, "a", {}, {}, "rwm"), rule(false, "c", 1, {}, "w")}));
    EXPECT_EQ(allowed(), "zmb");
}

TEST_F(DeviceProgram, WildcardsReachEveryMinor) {
    ASSERT_TRUE(attach_device_program(folder_, {kDenyAll, rule(true, "c", 1, -1, "rw")}));
    EXPECT_EQ(allowed(), "nzu");
}

TEST_F(DeviceProgram, AccessesOfSeveralRulesAddUp) {
    ASSERT_TRUE(attach_device_program(
        folder_, {kDenyAll, rule(true, "c", 1, 3, "r"), rule(true, "c", 1, 3, "w"),
                  rule(true, "c", 1, 5, "w"), rule(true, "c", 1, {}, "rw"), rule(false, "c", 1, 9, "w")}));
    EXPECT_EQ(allowed(), "nz");
}

TEST_F(DeviceProgram, ASecondTakesThePlaceOfTheFirst) {
    ASSERT_TRUE(attach_device_program(folder_, {kDenyAll}));
    ASSERT_TRUE(attach_device_program(folder_, {kDenyAll, rule(true, "c", 1, 3, "rwm")}));
    EXPECT_EQ(allowed(), "nm");
    ASSERT_TRUE(attach_device_program(folder_, {kDenyAll}));
    EXPECT_EQ(allowed(), "");
}

TEST(DeviceProgramText, TypesAndAccessesAreChecked) {
    EXPECT_FALSE(device_program({rule(true, "x", {}, {}, "r")}));
    EXPECT_FALSE(device_program({rule(true, "c", {}, {}, "q")}));
}

}  // namespace
}  // namespace berth::cgroup
