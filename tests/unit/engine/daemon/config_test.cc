#include "engine/daemon/config.h"

#include <gtest/gtest.h>

#include "engine/base/files.h"

namespace berth::daemon {
namespace {

class ConfigTest : public testing::Test {
 protected:
    void SetUp() override {
        auto made = TempDir::make();
        ASSERT_TRUE(made);
        dir_.emplace(std::move(*made));
        file("{}");
    }
    std::string path() const { return dir_->path() + "/daemon.json"; }
    void file(const std::string& text) { ASSERT_TRUE(replace_file(path(), text, 0600, Sync::kNone)); }
    Result<Config> load(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--config-file", path()});
        return load_config(arguments);
    }
    std::string error(std::vector<std::string> arguments) {
        auto config = load(std::move(arguments));
        return config ? "no error" : config.error().message;
    }
    std::optional<TempDir> dir_;
};

TEST_F(ConfigTest, FlagsAreReadAsDockerdReadsThem) {
    auto config = load({"-H", "unix:///a", "--host=tcp://127.0.0.1:1", "-Htcp://127.0.0.1:2", "-Dl", "warn",
                        "--iptables=false", "--mtu", "1400", "-p=/x.pid", "--live-restore",
                        "--default-address-pool", "base=10.0.0.0/8,size=24"});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->hosts,
              (std::vector<std::string>{"unix:///a", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"}));
    EXPECT_TRUE(config->debug);
    EXPECT_EQ(config->log_level, "warn");
    EXPECT_FALSE(config->iptables);
    EXPECT_EQ(config->mtu, 1400);
    EXPECT_EQ(config->pidfile, "/x.pid");
    EXPECT_EQ(config->address_pools.at(0), "10.0.0.0/8/24");
}

TEST_F(ConfigTest, WrongFlagsAreNamed) {
    EXPECT_EQ(error({"--nope"}), "unknown flag: --nope");
    EXPECT_EQ(error({"-z"}), "unknown shorthand flag: 'z' in -z");
    EXPECT_EQ(error({"--mtu"}), "flag needs an argument: --mtu");
    EXPECT_EQ(error({"-l"}), "flag needs an argument: 'l' in -l");
    EXPECT_EQ(error({"--mtu", "x"}),
              "invalid argument \"x\" for \"--mtu\" flag: strconv.ParseInt: parsing \"x\": invalid syntax");
    EXPECT_EQ(error({"--debug=maybe"}),
              "invalid argument \"maybe\" for \"--debug\" flag: strconv.ParseBool: parsing \"maybe\": "
              "invalid syntax");
    EXPECT_EQ(error({"serve"}), "\"berthd\" accepts no arguments, but got \"serve\"");
    EXPECT_EQ(error({"--tlsverify"}), "--tlsverify is not supported yet");
    EXPECT_EQ(error({"--userns-remap", "default"}), "--userns-remap is not supported yet");
    EXPECT_EQ(error({"-H", "fd://"}), "-H fd://: socket activation is not supported yet");
    EXPECT_EQ(error({"-H", "npipe://x"}), "unable to parse docker host `npipe://x`");
    EXPECT_EQ(error({"--data-root", "relative"}), "path must be absolute: \"relative\"");
    EXPECT_EQ(error({"--log-driver", "syslog"}), "log driver \"syslog\" is not supported yet");
    EXPECT_EQ(error({"--log-opt", "x"}), "invalid log option: x");
    EXPECT_EQ(error({"--cgroup-parent", "/../x"}), "invalid cgroup parent: /../x");
    EXPECT_EQ(error({"-l", "loud"}), "unable to parse logging level: loud");
}

TEST_F(ConfigTest, TheFileGivesTheSameSettings) {
    file(R"({"debug": true, "hosts": ["unix:///b"], "mtu": 1300, "dns": ["1.1.1.1", "8.8.8.8"],
             "default-address-pools": [{"base": "10.1.0.0/16", "size": 24}],
             "log-driver": "local", "log-opts": {"max-size": "10m"}, "cgroup-parent": "/x"})");
    auto config = load({});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_TRUE(config->debug);
    EXPECT_EQ(config->hosts.size(), 1u);
    EXPECT_EQ(config->mtu, 1300);
    EXPECT_EQ(config->dns.size(), 2u);
    EXPECT_EQ(config->address_pools.at(0), "10.1.0.0/16/24");
    EXPECT_EQ(config->log_options.at(0), "max-size=10m");
    EXPECT_EQ(config->cgroup_parent, "/x");
}

TEST_F(ConfigTest, TheFileIsChecked) {
    const std::string prefix = "unable to configure the daemon with file " + path() + ": ";
    file(R"({"debug": true})");
    EXPECT_EQ(error({"-D"}),
              prefix +
                  "the following directives are specified both as a flag and in the configuration file: "
                  "debug: (from flag: true, from file: true)");
    file(R"({"colour": "red", "taste": 1})");
    EXPECT_EQ(error({}),
              prefix + "the following directives don't match any configuration option: colour, taste");
    file(R"({"userns-remap": "default"})");
    EXPECT_EQ(error({}), prefix + "\"userns-remap\" is not supported yet");
    file(R"({"hosts": "unix:///b"})");
    EXPECT_EQ(error({}), prefix + "invalid value for \"hosts\": \"unix:///b\"");
    file("{");
    EXPECT_EQ(error({}), prefix + "invalid JSON: not an object");
    file("");
    EXPECT_EQ(error({}), "no error");
    EXPECT_FALSE(load_config({"--config-file", "/nonexistent/daemon.json"}));
}

}  // namespace
}  // namespace berth::daemon
