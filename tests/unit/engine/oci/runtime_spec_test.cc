#include "engine/oci/runtime_spec.h"

#include <gtest/gtest.h>

namespace berth::oci {
namespace {

TEST(RuntimeSpec, ComesBackAsItWasRendered) {
    RuntimeSpec spec;
    spec.process =
        Process{.terminal = true, .args = {"sh", "-c", "true"}, .env = {"A=b"}, .oom_score_adj = -5};
    spec.process->user = {.uid = 1, .gid = 2, .umask = 022, .additional_gids = {3, 4}};
    spec.process->capabilities = Capabilities{.bounding = {"CAP_CHOWN"}};
    spec.process->rlimits = {{"RLIMIT_NOFILE", 1, ~std::uint64_t{0}}};
    spec.root = {"rootfs", true};
    spec.mounts = {{"/proc", "proc", "proc", {"nosuid"}}};
    spec.hooks.prestart = {{.path = "/bin/true", .timeout = 3}};
    spec.annotations = {{"k", "v"}};
    spec.linux_.resources = Resources{.devices = {{false, "a", {}, {}, "rwm"}}, .pids_limit = -1};
    spec.linux_.resources->memory = MemoryResources{.limit = 1 << 20, .disable_oom_killer = false};
    spec.linux_.seccomp = Seccomp{.default_action = "SCMP_ACT_ERRNO", .default_errno_ret = 1};
    spec.linux_.seccomp->syscalls = {
        {{"clone"}, "SCMP_ACT_ALLOW", {}, {{0, 2114060288, 0, "SCMP_CMP_MASKED_EQ"}}}};
    spec.linux_.namespaces = {{"pid", ""}, {"network", "/run/netns/x"}};
    auto back = parse_runtime_spec(render(spec));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(*back == spec);
}

TEST(RuntimeSpec, ErrorsNameTheField) {
    auto error = [](const char* text) {
        auto parsed = parse_runtime_spec(text);
        return parsed ? std::string() : parsed.error().message;
    };
    EXPECT_EQ(error("{"), "not a JSON document");
    EXPECT_EQ(error("[]"), "expected an object");
    EXPECT_EQ(error(R"({"process":{"user":{"uid":"0"}}})"), "process.user.uid: expected an integer");
    EXPECT_EQ(error(R"({"process":{"user":{"uid":-1}}})"), "process.user.uid: out of range");
    EXPECT_EQ(error(R"({"process":{"user":{"uid":4294967296}}})"), "process.user.uid: out of range");
    EXPECT_EQ(error(R"({"process":{"args":["a",1]}})"), "process.args[1]: expected a string");
    EXPECT_EQ(error(R"({"linux":{"intelRdt":{"schemata":"x"}}})"),
              "linux.intelRdt.schemata: expected an array");
    EXPECT_EQ(error(R"({"linux":{"intelRdt":null},"unknown":1})"), "");
}

}  // namespace
}  // namespace berth::oci
