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
              (std::vector<std::string>{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "unix:///a"}));
    EXPECT_TRUE(config->debug);
    EXPECT_EQ(config->log_level, "warn");
    EXPECT_FALSE(config->iptables);
    EXPECT_EQ(config->mtu, 1400);
    EXPECT_EQ(config->pidfile, "/x.pid");
    EXPECT_EQ(config->address_pools.at(0), "10.0.0.0/8/24");
}

// What dockerd says too is in tests/e2e/test_daemon_options.py.
TEST_F(ConfigTest, WrongFlagsAreNamed) {
    EXPECT_EQ(error({"--nope"}), "unknown flag: --nope");
    EXPECT_EQ(error({"serve"}), "\"berthd\" accepts no arguments, but got \"serve\"");
    EXPECT_EQ(
        error({"--userns-remap", "someone", "--feature", "containerd-snapshotter=true"}),
        "containerd-snapshotter is explicitly enabled, but is not compatible with userns remapping. Please "
        "disable userns remapping or containerd-snapshotter");
    EXPECT_EQ(error({"--data-root", "relative"}), "path must be absolute: \"relative\"");
    EXPECT_EQ(error({"--cgroup-parent", "/../x"}), "invalid cgroup parent: /../x");
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
    EXPECT_EQ(config->log_options.at("max-size"), "10m");
    EXPECT_EQ(config->cgroup_parent, "/x");
}

TEST_F(ConfigTest, WhatTheFileDoesNotSayIsTheDefault) {
    file(R"({"mtu": 0, "log-driver": "", "data-root": "", "debug": null, "default-shm-size": "1g",
             "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 10, "Hard": 20}},
             "runtimes": {"slow": {"path": "/bin/slow", "runtimeArgs": ["--debug"]}}, "features": {"buildkit": true},
             "proxies": {"https-proxy": "http://p:1"}, "registry-mirrors": ["https://m"]})");
    auto config = load({"--add-runtime", "fast=/bin/fast"});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->mtu, 1500);
    EXPECT_EQ(config->log_driver, "json-file");
    EXPECT_EQ(config->data_root, "/var/lib/berth");
    EXPECT_EQ(config->shm_size, 1 << 30);
    EXPECT_EQ(config->ulimits.at("nofile").hard, 20);
    EXPECT_EQ(config->runtimes.at("slow").arguments, Strings{"--debug"});
    EXPECT_EQ(config->runtimes.at("fast").path, "/bin/fast");
    EXPECT_EQ(config->proxies.https, "http://p:1");
    EXPECT_EQ(config->registry_mirrors, Strings{"https://m/"});
    EXPECT_EQ(config->hosts, Strings{"unix:///run/berth/berth.sock"});
    EXPECT_FALSE(config->tls);
    EXPECT_EQ(remarks(*config).size(), 1u);
}

TEST_F(ConfigTest, AReloadSeesTheFileAlone) {
    file(R"({"labels": ["a=1"]})");
    auto config = load({"-D"});
    ASSERT_TRUE(config) << config.error().message;
    file(R"({"labels": ["a=2"], "max-concurrent-downloads": 7})");
    auto fresh = reload_config(*config);
    ASSERT_TRUE(fresh) << fresh.error().message;
    EXPECT_EQ(fresh->labels, Strings{"a=2"});
    EXPECT_EQ(fresh->max_downloads, 7);
    EXPECT_FALSE(fresh->file_keys.contains("debug"));
    file(R"({"debug": true})");
    EXPECT_FALSE(reload_config(*config));
    EXPECT_FALSE(load_config({"--config-file", "/nonexistent/daemon.json"}));
}

TEST_F(ConfigTest, HostsAreCompleted) {
    auto config = load(
        {"-H", "tcp://1.2.3.4", "-H", ":5", "-H", "unix://", "-H", " fd:// ", "-H", "tcp://1.2.3.4:2375"});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->hosts,
              (Strings{"fd://", "tcp://1.2.3.4:2375", "tcp://localhost:5", "unix:///run/berth/berth.sock"}));
}

}  // namespace
}  // namespace berth::daemon
