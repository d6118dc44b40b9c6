#include "engine/api/image_queries.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/api/image_filters.h"
#include "engine/api/progress_stream.h"

namespace berth::api {
namespace {

using http::Query;
using nlohmann::json;

TEST(PullReference, JoinsNameAndTag) {
    EXPECT_EQ(pull_reference(Query::parse("fromImage=busybox&tag=1"))->text(), "docker.io/library/busybox:1");
    EXPECT_EQ(pull_reference(Query::parse("fromImage=a/b:2"))->text(), "docker.io/a/b:2");
    const std::string digest = "sha256:" + std::string(64, 'a');
    EXPECT_EQ(pull_reference(Query::parse("fromImage=busybox&tag=" + digest))->digest()->text(), digest);
}

TEST(PullReference, WithoutATagMeansAll) {
    EXPECT_TRUE(pull_reference(Query::parse("fromImage=busybox"))->name_only());
}

TEST(PullReference, RefusesWhatItCannotDo) {
    EXPECT_EQ(pull_reference(Query::parse("fromImage=scratch")).error().kind, ErrorKind::kForbidden);
    EXPECT_EQ(pull_reference(Query::parse("fromImage=scratch&tag=latest")).error().message,
              "'scratch' is a reserved name");
    EXPECT_EQ(pull_reference(Query::parse("fromImage=Busybox&tag=1")).error().kind,
              ErrorKind::kInvalidArgument);
    EXPECT_FALSE(pull_reference(Query::parse("fromImage=busybox&tag=a/b")));
}

TEST(ImportName, MayBeLeftOut) {
    EXPECT_EQ(*import_name(Query::parse("")), "");
    EXPECT_EQ(*import_name(Query::parse("repo=x")), "docker.io/library/x:latest");
    EXPECT_EQ(*import_name(Query::parse("repo=x:2")), "docker.io/library/x:2");
    EXPECT_EQ(*import_name(Query::parse("repo=x&tag=3")), "docker.io/library/x:3");
}

TEST(MatchesReference, IsAShellPatternForNameOrTag) {
    EXPECT_TRUE(matches_reference("busybox:latest", "busybox"));
    EXPECT_TRUE(matches_reference("busybox:latest", "busy*:latest"));
    EXPECT_TRUE(matches_reference("user/app:1", "*/app"));
    EXPECT_FALSE(matches_reference("user/app:1", "*"));
    EXPECT_FALSE(matches_reference("busybox:latest", "busy"));
}

TEST(RefuseParameters, NamesTheFirst) {
    EXPECT_TRUE(refuse_parameters(Query::parse("a=0&b="), {"a", "b"}));
    EXPECT_EQ(refuse_parameters(Query::parse("b=1"), {"a", "b"}).error().message,
              "the parameter \"b\" is not supported yet");
}

image::ImageDetails details() {
    const Digest id = sha256("manifest");
    image::ResolvedImage resolved{.id = id, .manifest = id, .config = sha256("config")};
    resolved.platform = {.architecture = "amd64"};
    resolved.config_json = R"({"config":{"Cmd":["sh"]},"rootfs":{}})";
    image::ImageSummary summary{.id = id, .names = {"x:1"}, .content_size = 7};
    image::ImageDetails out{.image = resolved, .summary = summary, .descriptor = {.digest = id}};
    out.created = "2026-01-01T00:00:00Z";
    out.layers = {"sha256:aa"};
    out.layer_sizes = {5, 9};
    out.history = {{.created = "1970-01-01T00:00:02Z", .created_by = "ADD"},
                   {.created_by = "ENV", .empty_layer = true},
                   {.created_by = "COPY", .comment = "c"}};
    return out;
}

TEST(ShowImage, HasTheFieldsOfTheVersion) {
    auto latest = show_image(details(), false, kLatest);
    ASSERT_TRUE(latest);
    EXPECT_EQ((*latest)["Config"]["Cmd"], json({"sh"}));
    EXPECT_EQ((*latest)["Descriptor"]["digest"], sha256("manifest").text());
    EXPECT_EQ((*latest)["RootFS"]["Layers"], json({"sha256:aa"}));
    EXPECT_FALSE(latest->contains("VirtualSize"));
    EXPECT_FALSE((*latest)["Config"].contains("Hostname"));
    auto old = show_image(details(), false, {1, 41});
    ASSERT_TRUE(old);
    EXPECT_EQ((*old)["VirtualSize"], 7);
    EXPECT_EQ((*old)["Config"]["Hostname"], "");
    EXPECT_FALSE(old->contains("Descriptor"));
}

TEST(ShowHistory, IsNewestFirstAndGivesSizesToStepsWithLayers) {
    auto history = show_history(details());
    ASSERT_EQ(history.size(), 3u);
    EXPECT_EQ(history[0]["CreatedBy"], "COPY");
    EXPECT_EQ(history[0]["Size"], 9);
    EXPECT_EQ(history[0]["Tags"], json({"x:1"}));
    EXPECT_EQ(history[0]["Id"], sha256("manifest").text());
    EXPECT_EQ(history[1]["Size"], 0);
    EXPECT_EQ(history[2]["Size"], 5);
    EXPECT_EQ(history[2]["Created"], 2);
    EXPECT_EQ(history[2]["Id"], "<missing>");
}

TEST(ShowRemoved, IsAListOfOneFieldObjects) {
    EXPECT_EQ(show_removed({{"x:1", ""}, {"", "sha256:a"}}),
              json::parse(R"([{"Untagged":"x:1"},{"Deleted":"sha256:a"}])"));
    EXPECT_EQ(show_removed({}), json::array());
}

TEST(ErrorLine, SaysItTwice) {
    EXPECT_EQ(json::parse(error_line("oops \xff")),
              json::parse(R"({"error":"oops \ufffd","errorDetail":{"message":"oops \ufffd"}})"));
}

}  // namespace
}  // namespace berth::api
