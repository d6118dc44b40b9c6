#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/api/container_queries.h"

namespace berth::api {
namespace {

using http::Query;
using nlohmann::json;

TEST(ContainerQueries, CreateTakesTheBodyApart) {
    auto request =
        create_request(Query::parse("name=web&platform="), json::parse(R"({"Image":"busybox","Cmd":["true"],
        "HostConfig":{"AutoRemove":true,"MemorySwappiness":-1},"NetworkingConfig":{"EndpointsConfig":{"default":{}}}})"));
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->name, "web");
    EXPECT_TRUE(request->host.auto_remove);
    EXPECT_TRUE(request->endpoints.contains("default"));
    auto in_body =
        create_request(Query::parse(""), json{{"Image", "x"}, {"name", "fromnode"}, {"HostConfig", nullptr}});
    ASSERT_TRUE(in_body);
    EXPECT_EQ(in_body->name, "fromnode");
}

TEST(ContainerQueries, CreateRefusesInDockersWords) {
    auto empty = create_request(Query::parse(""), json::object());
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().message, "config cannot be empty in order to create a container");
    for (const char* body :
         {R"({"HostConfig":[]})", R"({"NetworkingConfig":5})", R"({"Env":"A=1"})", R"({"Env":[1]})",
          R"({"HostConfig":{"PortBindings":{"80/tcp":{}}}})", R"({"Labels":{"a":1}})"}) {
        auto refused = create_request(Query::parse(""), json::parse(body));
        ASSERT_FALSE(refused) << body;
        EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument) << body;
    }
}

TEST(ContainerQueries, LogsTailAndTimes) {
    auto request = log_request(Query::parse("stdout=1&tail=-1&since=1795218516.062&until=0&follow=true"));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->tail, -1);
    ASSERT_TRUE(request->since);
    EXPECT_FALSE(request->until);
    EXPECT_EQ(log_request(Query::parse("stderr=1&tail=2"))->tail, 2);
    EXPECT_EQ(log_request(Query::parse("stderr=1&tail=abc"))->tail, -1);
    EXPECT_FALSE(log_request(Query::parse("stdout=0&stderr=False")));
    EXPECT_FALSE(log_request(Query::parse("stdout=1&since=yesterday")));
}

TEST(ContainerQueries, NumbersAndConditions) {
    EXPECT_EQ(*stop_options(Query::parse("t=-1&signal=INT"))->seconds, -1);
    EXPECT_FALSE(stop_options(Query::parse(""))->seconds);
    EXPECT_FALSE(stop_options(Query::parse("t=x")));
    EXPECT_EQ(wait_condition(Query::parse("condition=foo")).error().message, "invalid condition: \"foo\"");
    EXPECT_EQ(terminal_size(Query::parse("h=x&w=4")).error().message,
              "invalid resize height \"x\": invalid syntax");
    EXPECT_FALSE(terminal_size(Query::parse("h=70000&w=4")));
    EXPECT_EQ(terminal_size(Query::parse("h=30&w=100"))->columns, 100);
    EXPECT_EQ(list_options(Query::parse("limit=x")).error().message,
              "strconv.Atoi: parsing \"x\": invalid syntax");
    EXPECT_TRUE(list_options(Query::parse("size=1"))->size);
}

}  // namespace
}  // namespace berth::api
