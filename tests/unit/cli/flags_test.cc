#include "cli/flags.h"

#include <gtest/gtest.h>

#include "cli/output/table.h"
#include "cli/output/units.h"

namespace berth::cli {
namespace {

struct Fixture {
    bool interactive = false, tty = false, rm = false;
    std::string name;
    std::vector<std::string> publish;
    std::int64_t pids = 0;
    Flags flags{"run [OPTIONS] IMAGE", "Run", Flags::Order::kFirst};

    Fixture() {
        flags.toggle("interactive,i", &interactive, "Keep STDIN open");
        flags.toggle("tty,t", &tty, "Allocate a tty");
        flags.toggle("rm", &rm, "Remove");
        flags.text("name", &name, "string", "Name");
        flags.list("publish,p", &publish, "Publish");
        flags.number("pids-limit", &pids, "Limit");
    }

    std::string error(std::vector<std::string> arguments) {
        auto parsed = flags.parse(arguments);
        return parsed ? "" : parsed.error().message;
    }
};

TEST(Flags, ParsesWhatDockersUsersType) {
    Fixture f;
    auto rest = f.flags.parse({"-it", "--name=web", "-p80:80", "-p", "81:81", "--publish=82:82", "-p=83:83",
                               "--rm=false", "--pids-limit", "5", "busybox", "sh", "-c", "--name"});
    ASSERT_TRUE(rest);
    EXPECT_EQ(*rest, (std::vector<std::string>{"busybox", "sh", "-c", "--name"}));
    EXPECT_TRUE(f.interactive && f.tty);
    EXPECT_FALSE(f.rm);
    EXPECT_EQ(f.name, "web");
    EXPECT_EQ(f.publish, (std::vector<std::string>{"80:80", "81:81", "82:82", "83:83"}));
    EXPECT_EQ(f.pids, 5);
    EXPECT_TRUE(f.flags.changed("rm"));
}

TEST(Flags, ErrorsAreDockers) {
    EXPECT_EQ(Fixture().error({"--nope"}), "unknown flag: --nope");
    EXPECT_EQ(Fixture().error({"-x"}), "unknown shorthand flag: 'x' in -x");
    EXPECT_EQ(Fixture().error({"--name"}), "flag needs an argument: --name");
    EXPECT_EQ(Fixture().error({"-p"}), "flag needs an argument: 'p' in -p");
    EXPECT_EQ(
        Fixture().error({"--pids-limit", "x"}),
        "invalid argument \"x\" for \"--pids-limit\" flag: strconv.ParseInt: parsing \"x\": invalid syntax");
    EXPECT_EQ(
        Fixture().error({"--rm=maybe"}),
        "invalid argument \"maybe\" for \"--rm\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
}

TEST(Output, TablesAndUnits) {
    Table table({"NAME", "ID"});
    table.add({"a", "1"});
    table.add({"longer", "2"});
    EXPECT_EQ(table.text(), "NAME     ID\na        1\nlonger   2\n");
    EXPECT_EQ(human_size(4490000), "4.49MB");
    EXPECT_EQ(human_size(0), "0B");
    EXPECT_EQ(human_duration(std::chrono::seconds(3599)), "59 minutes");
    EXPECT_EQ(*parse_bytes("512m"), 512 << 20);
    EXPECT_EQ(*parse_bytes("1.5g"), 3LL << 29);
    EXPECT_EQ(*parse_bytes("64KiB"), 65536);
    EXPECT_FALSE(parse_bytes("12x"));
    EXPECT_FALSE(parse_bytes(""));
}

}  // namespace
}  // namespace berth::cli
