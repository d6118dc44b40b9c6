#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api-spec/types/container_config.h"
#include "api-spec/types/host_config.h"
#include "api-spec/types/networking_config.h"

namespace berth::types {
namespace {

using nlohmann::json;

TEST(HostConfig, ZerosAndNullsOfRealClientsPass) {
    auto parsed =
        parse_host_config(json::parse(R"({"Binds":null,"MemorySwappiness":-1,"ConsoleSize":[0,0],"Links":[],
        "BlkioWeight":0,"BlkioWeightDevice":[],"Init":null,"OomKillDisable":false,"DeviceRequests":null,"Cgroup":"",
        "PidsLimit":0,"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"Unknown":7})"),
                          ".HostConfig");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->memory_swappiness, -1);
}

TEST(HostConfig, ANumberThatDoesNotFitIsNoNumber) {
    for (int weight : {-1, 70000}) {
        auto parsed = parse_host_config(json{{"BlkioWeight", weight}}, ".HostConfig");
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().message, "invalid JSON: json: cannot unmarshal number " +
                                              std::to_string(weight) +
                                              " into Go struct field .HostConfig.BlkioWeight of type uint16");
    }
    EXPECT_FALSE(parse_host_config(json{{"BlkioDeviceReadBps", {{{"Rate", -1}}}}}, ".HostConfig"));
}

TEST(HostConfig, AWrongTypeIsSaidInGosWords) {
    auto parsed = parse_host_config(json{{"Memory", "x"}}, ".HostConfig");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(
        parsed.error().message,
        "invalid JSON: json: cannot unmarshal string into Go struct field .HostConfig.Memory of type int64");
}

TEST(HostConfig, ReadsWhatItWrites) {
    HostConfig host;
    host.binds = {"/a:/b"};
    host.tmpfs["/t"] = "size=1m";
    host.ulimits = {{"nofile", 10, 5}};
    host.masked_paths.emplace();
    host.mounts = {{.type = "tmpfs", .target = "/x", .tmpfs_options = TmpfsOptions{.size_bytes = 5}}};
    json written = to_json(host);
    auto again = parse_host_config(written, "");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_json(*again), written);
    EXPECT_EQ(again->mounts[0].tmpfs_options->size_bytes, 5);
    ASSERT_TRUE(again->masked_paths);
    EXPECT_TRUE(again->masked_paths->empty());
}

TEST(ContainerConfig, ACommandMayBeOneString) {
    auto parsed = parse_container_config(json{{"Cmd", "true"}, {"Entrypoint", json::array()}}, "");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->cmd, std::vector<std::string>{"true"});
    ASSERT_TRUE(parsed->entrypoint);
    EXPECT_TRUE(parsed->entrypoint->empty());
}

TEST(NetworkingConfig, EndpointsAndWhatIsRefused) {
    auto parsed =
        parse_networking_config(json::parse(R"({"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,
        "Aliases":null,"MacAddress":"02:42:ac:11:00:02","GwPriority":0,"NetworkID":""}}})"),
                                ".NetworkingConfig");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->at("default").mac_address, "02:42:ac:11:00:02");
    auto nothing = parse_networking_config(json::parse(R"({"EndpointsConfig":{"a":null}})"), "");
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().message, "invalid config for network a: EndpointsConfig is nil");
    // A shape that is no object must be an error, never an exception.
    EXPECT_FALSE(parse_networking_config(json::parse(R"({"EndpointsConfig":["a"]})"), ""));
    EXPECT_FALSE(parse_networking_config(json::parse(R"({"EndpointsConfig":{"a":5}})"), ""));
}

}  // namespace
}  // namespace berth::types
