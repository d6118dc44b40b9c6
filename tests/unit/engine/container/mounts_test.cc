#include <gtest/gtest.h>

#include "engine/container/mount_points.h"
#include "engine/container/mount_spec.h"

namespace berth::container {
namespace {

TEST(Mounts, BindsVolumesAndTmpfs) {
    types::ContainerConfig config;
    types::HostConfig host;
    host.binds = {"/tmp/../srv:/a/b/c:ro", "data:/data", "/anonymous"};
    host.tmpfs["/t"] = "size=1m,ro";
    config.volumes = {"/data", "/var/lib", "relative/../x", "/t"};
    auto mounts = plan_mounts(config, host);
    ASSERT_TRUE(mounts) << mounts.error().message;
    std::map<std::string, MountPoint> by_target;
    for (const auto& mount : *mounts) by_target[mount.destination] = mount;
    ASSERT_EQ(by_target.size(), 6u);
    EXPECT_EQ(mounts->back().destination, "/a/b/c");
    EXPECT_EQ(mounts->back().source, "/srv");
    EXPECT_FALSE(mounts->back().read_write);
    EXPECT_EQ(by_target["/data"].name, "data");
    EXPECT_EQ(by_target["/data"].mode, "z");
    EXPECT_TRUE(by_target["/var/lib"].anonymous);
    EXPECT_TRUE(by_target["/x"].anonymous);
    EXPECT_EQ(by_target["/t"].options, std::vector<std::string>{"size=1m"});
    EXPECT_FALSE(by_target["/t"].read_write);
}

TEST(Mounts, ModesInAnyOrder) {
    auto mount = parse_bind("v1:/m:nocopy,cached,ro,Z", "");
    ASSERT_TRUE(mount);
    EXPECT_FALSE(mount->copy_up);
    EXPECT_FALSE(mount->read_write);
    EXPECT_EQ(mount->mode, "nocopy,cached,ro,Z");
    mount = parse_bind("/s:/m:delegated,rslave,z", "");
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->propagation, "rslave");
    EXPECT_TRUE(mount->own_propagation);
    EXPECT_EQ(parse_bind("v1:/m", "plug")->driver, "plug");
    EXPECT_EQ(parse_bind("v1:/m", "plug")->mode, "");
}

TEST(Mounts, BindRefusalsAreDockers) {
    const std::pair<const char*, const char*> kCases[] = {
        {"/s:/m:ro,rw", "invalid mode: ro,rw"},
        {"/s:/m:z,Z", "invalid mode: z,Z"},
        {"/s:/m:rslave,shared", "invalid mode: rslave,shared"},
        {"/s:/m:consistency", "invalid mode: consistency"},
        {"v1:/m:ro,ro", "invalid mode: ro,ro"},
        {"v1:/m:copy", "invalid mode: copy"},
        {"/s:/m:,", "invalid mode: ,"},
        {"/s:/m:unbindable", "invalid mode: unbindable"},
        {"/s:ro", "invalid volume specification: '/s:ro'"},
        {"/m:ro", "invalid volume specification: '/m:ro'"},
        {"/s:", "invalid volume specification: '/s:'"},
        {":/m", "invalid volume specification: ':/m'"},
        {"", "invalid volume specification: ''"},
        {"a:b:c:d", "invalid volume specification: 'a:b:c:d'"},
        {"/s:/m:ro:rw", "invalid volume specification: '/s:/m:ro:rw'"},
        {"/s:/m:nocopy",
         "invalid volume specification: '/s:/m:nocopy': invalid mount config for type \"bind\": field "
         "VolumeOptions must not be specified"},
        {"v1:/m:rslave",
         "invalid volume specification: 'v1:/m:rslave': invalid mount config for type \"volume\": field "
         "BindOptions must not be specified"},
        {"/s::ro",
         "invalid volume specification: '/s::ro': invalid mount config for type \"bind\": field Target must "
         "not be empty"},
        {"m",
         "invalid volume specification: 'm': invalid mount config for type \"volume\": invalid mount path: "
         "'m' mount path must be absolute"},
        {"v1:/x/..",
         "invalid volume specification: 'v1:/x/..': invalid mount config for type \"volume\": invalid "
         "specification: destination can't be '/'"},
        {"/s:/proc/sys",
         "invalid volume specification: '/s:/proc/sys': invalid mount config for type \"bind\": invalid "
         "mount "
         "path: '/proc/sys' cannot be mounted because it is inside /proc"}};
    for (const auto& [spec, message] : kCases) {
        auto mount = parse_bind(spec, "");
        EXPECT_EQ(mount ? "accepted" : mount.error().message, message) << spec;
    }
}

TEST(Mounts, OnlyLxcfsFilesBelowProc) {
    for (const char* target :
         {"/proc", "/proc/", "/proc/1", "/x/../proc/self/attr", "/proc/sys/kernel", "/proc/net"})
        EXPECT_FALSE(parse_bind(std::string("/s:") + target, "")) << target;
    for (const char* target : {"/proc/meminfo", "/proc/cpuinfo", "/proc/sys/kernel/ns_last_pid", "/procx"})
        EXPECT_TRUE(parse_bind(std::string("/s:") + target, "")) << target;
    EXPECT_FALSE(parse_tmpfs("/proc/x", ""));
    EXPECT_FALSE(parse_volume("/proc", ""));
    EXPECT_FALSE(parse_volume("", ""));
    EXPECT_FALSE(parse_volume("..", ""));
}

std::string refused(types::MountRequest request) {
    auto mount = parse_mount(request);
    return mount ? "accepted" : mount.error().message;
}

TEST(Mounts, MountRefusalsAreDockers) {
    using types::BindOptions;
    using types::MountRequest;
    EXPECT_EQ(refused({.type = "bind", .source = "/no/such/folder", .target = "/x"}),
              "invalid mount config for type \"bind\": bind source path does not exist: /no/such/folder");
    EXPECT_EQ(refused({.type = "bind", .source = "x", .target = "/x"}),
              "invalid mount config for type \"bind\": invalid mount path: 'x' mount path must be absolute");
    EXPECT_EQ(refused({.type = "bind", .target = "/x"}),
              "invalid mount config for type \"bind\": field Source must not be empty");
    EXPECT_EQ(refused({.type = "bind", .source = "/"}),
              "invalid mount config for type \"bind\": field Target must not be empty");
    EXPECT_EQ(refused({.type = "volume", .target = "/x", .bind_options = BindOptions{}}),
              "BindOptions must not be specified on mount type \"volume\"");
    EXPECT_EQ(
        refused(
            {.type = "bind", .source = "/", .target = "/x", .bind_options = BindOptions{.propagation = "x"}}),
        "invalid mount config for type \"bind\": invalid propagation mode: x");
    EXPECT_EQ(refused({.type = "bind",
                       .source = "/",
                       .target = "/x",
                       .bind_options = BindOptions{.read_only_non_recursive = true}}),
              "mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive");
    EXPECT_EQ(
        refused({.type = "volume", .target = "/x", .volume_options = types::VolumeOptions{.subpath = "a"}}),
        "invalid mount config for type \"volume\": must not set Subpath when using anonymous volumes");
    for (const char* subpath : {"../x", "/x", "a/../../x"})
        EXPECT_EQ(
            refused({.type = "volume",
                     .source = "v1",
                     .target = "/x",
                     .volume_options = types::VolumeOptions{.subpath = subpath}}),
            "invalid mount config for type \"volume\": subpath must be a relative path within the volume");
    EXPECT_EQ(refused({.type = "tmpfs", .source = "x", .target = "/x"}),
              "invalid mount config for type \"tmpfs\": field Source must not be specified");
    EXPECT_EQ(
        refused({.type = "tmpfs", .target = "/x", .tmpfs_options = types::TmpfsOptions{.options = {{"x"}}}}),
        "invalid mount config for type \"tmpfs\": invalid option: x");
    EXPECT_EQ(refused({.type = "image", .target = "/x"}),
              "invalid mount config for type \"image\": field Source must not be empty");
    for (const char* type : {"", "npipe", "cluster", "x"})
        EXPECT_EQ(refused({.type = type, .source = "/", .target = "/x"}),
                  std::string("invalid mount config for type \"") + type + "\": mount type unknown");
}

TEST(Mounts, DuplicatesInheritanceAndTheDataRoot) {
    types::HostConfig twice;
    twice.binds = {"/a:/x", "/b:/x/"};
    EXPECT_EQ(plan_mounts({}, twice).error().message, "Duplicate mount point: /x");
    Container other;
    other.mounts = {*parse_bind("/a:/x:ro", ""), *parse_bind("v1:/y", ""), *parse_tmpfs("/z", "")};
    types::HostConfig host;
    host.binds = {"/:/x"};
    types::ContainerConfig config;
    config.volumes = {"/y"};
    auto mounts = plan_mounts(config, host, {"/var/lib/berth", inherited_mounts(other, false)});
    ASSERT_TRUE(mounts);
    ASSERT_EQ(mounts->size(), 2u);
    EXPECT_EQ(mounts->at(0).source, "/");
    EXPECT_EQ(mounts->at(0).propagation, "rslave");
    EXPECT_EQ(mounts->at(1).name, "v1");
    EXPECT_FALSE(mounts->at(1).read_write);
    EXPECT_FALSE(mounts->at(1).copy_up);
    EXPECT_EQ(parse_volumes_from("c1:ro,z")->container, "c1");
    EXPECT_FALSE(parse_volumes_from("c1:ro")->read_write);
    EXPECT_TRUE(parse_volumes_from("c1")->read_write);
    EXPECT_EQ(parse_volumes_from("").error().message, "volumes-from specification cannot be an empty string");
    for (const char* mode : {"x", "rslave", "nocopy", "ro:rw"})
        EXPECT_EQ(parse_volumes_from(std::string("c1:") + mode).error().message,
                  std::string("invalid mode: ") + mode);
}

}  // namespace
}  // namespace berth::container
