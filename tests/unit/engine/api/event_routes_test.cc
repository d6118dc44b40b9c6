#include "engine/api/event_routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/async/event.h"
#include "engine/async/gate.h"
#include "engine/async/spawn.h"
#include "engine/base/time.h"

namespace berth::api {
namespace {

using async::block_on;

// A client that goes when it has seen as many lines as it wants.
class Reader final : public http::Responder {
 public:
    Reader(IoContext& io, std::size_t wanted) : had_enough_(io), began_(io), wanted_(wanted) {}
    Async<Result<>> send(unsigned code, http::Headers, std::string body) override {
        status = code;
        lines.push_back(std::move(body));
        co_return Result<>();
    }
    Async<Result<>> begin(unsigned code, http::Headers) override {
        status = code;
        began_.set();
        co_return Result<>();
    }
    Async<Result<>> write(std::string_view bytes) override {
        lines.emplace_back(bytes);
        if (lines.size() >= wanted_) had_enough_.set();
        co_return Result<>();
    }
    Async<Result<>> end() override {
        ended = true;
        co_return Result<>();
    }
    Async<Result<std::unique_ptr<async::Stream>>> hijack(std::string) override {
        co_return std::unique_ptr<async::Stream>();
    }
    bool started() const override { return status != 0; }
    Async<void> client_gone() override {
        auto waited = co_await had_enough_.wait();
        (void)waited;
    }
    Async<void> wait_for_head() {
        auto waited = co_await began_.wait();
        (void)waited;
    }

    unsigned status = 0;
    bool ended = false;
    std::vector<std::string> lines;

 private:
    async::Event had_enough_, began_;
    std::size_t wanted_;
};

class EventRoutes : public testing::Test {
 protected:
    EventRoutes() { add_event_routes(router_, bus_); }

    void publish(std::string type, std::string action) {
        bus_.publish({std::move(type),
                      std::move(action),
                      "abc",
                      {{"image", "busybox"}, {"name", "web"}},
                      {},
                      "local"});
    }
    Async<void> ask(Reader& reader, std::string query) {
        http::Request request{"GET", "/events", "/events", http::Query::parse(query), {}, nullptr};
        auto handler = router_.handler();
        co_await handler(request, reader);
    }
    Async<void> ask_and_publish(Reader& reader, std::string query) {
        async::Gate gate(io_);
        gate.spawn(ask(reader, std::move(query)));
        co_await reader.wait_for_head();
        publish("network", "connect");
        publish("container", "start");
        co_await gate.close();
    }

    IoContext io_;
    events::Bus bus_{io_};
    Router router_;
};

TEST_F(EventRoutes, FollowUntilTheClientGoes) {
    publish("container", "create");  // the past: nobody asked for it
    Reader reader(io_, 1);
    block_on(io_, ask_and_publish(reader, "filters={\"type\":[\"container\"]}"));
    ASSERT_EQ(reader.lines.size(), 1u);
    auto event = nlohmann::json::parse(reader.lines[0]);
    EXPECT_EQ(event["Action"], "start");
    EXPECT_EQ(event["Actor"]["Attributes"]["name"], "web");
    EXPECT_EQ(event["status"], "start");
    EXPECT_EQ(event["from"], "busybox");
    EXPECT_EQ(event["scope"], "local");
    EXPECT_EQ(event["timeNano"].get<std::int64_t>() / 1'000'000'000, event["time"].get<std::int64_t>());
    EXPECT_TRUE(reader.ended);
    EXPECT_EQ(bus_.listeners(), 0);
}

TEST_F(EventRoutes, ThePastEndsAtUntil) {
    publish("network", "create");
    Reader reader(io_, 100);
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count();
    block_on(io_, ask(reader, "since=1&until=" + std::to_string(seconds + 1)));
    ASSERT_EQ(reader.lines.size(), 1u);
    EXPECT_EQ(reader.lines[0].find("\"status\""), std::string::npos);
}

TEST_F(EventRoutes, BadParametersAreRefused) {
    for (const char* query : {"since=nope", "since=9&until=8", "filters=x"}) {
        Reader reader(io_, 1);
        block_on(io_, ask(reader, query));
        EXPECT_EQ(reader.status, 400u) << query;
    }
}

}  // namespace
}  // namespace berth::api
