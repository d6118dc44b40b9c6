#include "engine/api/router.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/api/version.h"
#include "engine/async/spawn.h"

namespace berth::api {
namespace {

using async::block_on;

// Records the answer instead of sending it.
class Recorder final : public http::Responder {
 public:
    Async<Result<>> send(unsigned code, http::Headers fields, std::string text) override {
        status = code;
        headers = std::move(fields);
        body = std::move(text);
        co_return Result<>();
    }
    Async<Result<>> begin(unsigned code, http::Headers fields) override {
        return send(code, std::move(fields), "");
    }
    Async<Result<>> write(std::string_view bytes) override {
        body += bytes;
        co_return Result<>();
    }
    Async<Result<>> end() override { co_return Result<>(); }
    Async<Result<std::unique_ptr<async::Stream>>> hijack(std::string text) override {
        status = 101;
        body = std::move(text);
        co_return std::unique_ptr<async::Stream>();
    }
    bool started() const override { return status != 0; }
    Async<void> client_gone() override { co_return; }

    unsigned status = 0;
    http::Headers headers;
    std::string body;
};

class Text final : public http::BodyReader {
 public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        const std::size_t size = text_.copy(buffer.data(), buffer.size());
        text_.erase(0, size);
        co_return size;
    }

 private:
    std::string text_;
};

Async<Result<>> echo_params(Exchange& exchange) {
    nlohmann::json out = exchange.params;
    out["api"] = exchange.version.minor;
    return exchange.json(200, out);
}

Async<Result<>> read_body(Exchange& exchange) {
    BERTH_CO_TRY(auto body, co_await exchange.body());
    co_return co_await exchange.json(201, body);
}

Async<Result<>> conflict(Exchange&) {
    co_return fail(ErrorKind::kConflict, "taken: \"\xff\"");
}
Async<Result<>> broken(Exchange&) {
    throw std::runtime_error("broken");
}
Async<Result<>> broken_later(Exchange& exchange) {
    BERTH_CO_CHECK(co_await exchange.stream(200, "text/plain"));
    co_return fail(ErrorKind::kInternal, "too late");
}
Async<Result<>> attach(Exchange& exchange) {
    auto stream = co_await exchange.upgrade(true, false);
    if (!stream) co_return Failure(std::move(stream.error()));
    co_return Result<>();
}

class RouterTest : public testing::Test {
 protected:
    RouterTest() {
        router_.add("GET", "/things/{id}/json", echo_params);
        router_.add("GET", "/images/{name...}/json", echo_params);
        router_.add("GET", "/images/json", echo_params);
        router_.add("POST", "/body", read_body);
        router_.add("GET", "/conflict", conflict);
        router_.add("GET", "/broken", broken);
        router_.add("GET", "/late", broken_later);
        router_.add("POST", "/attach", attach);
    }
    Recorder ask(std::string method, std::string path, std::string body = {}, http::Headers headers = {}) {
        Recorder recorder;
        Text reader(std::move(body));
        http::Request request{std::move(method), path, path, {}, std::move(headers), &reader};
        auto handler = router_.handler();
        block_on(io_, handler(request, recorder));
        return recorder;
    }
    IoContext io_;
    Router router_;
};

TEST_F(RouterTest, MatchesSegmentsAndNamesWithSlashes) {
    EXPECT_EQ(ask("GET", "/things/a/json").body, "{\"api\":51,\"id\":\"a\"}\n");
    EXPECT_EQ(ask("GET", "/v1.44/images/h:5000/a/b:1/json").body, "{\"api\":44,\"name\":\"h:5000/a/b:1\"}\n");
    EXPECT_EQ(ask("GET", "/images/json/json").body, "{\"api\":51,\"name\":\"json\"}\n");
    EXPECT_EQ(ask("GET", "/images/json").status, 200u);
}

TEST_F(RouterTest, UnknownPathsAndMethodsAreNotFound) {
    for (auto [method, path] : {std::pair{"GET", "/"},
                                {"GET", "/nope"},
                                {"DELETE", "/images/json"},
                                {"GET", "/images/json/"},
                                {"GET", "/v1.51"},
                                {"GET", "/v1.51a/images/json"},
                                {"GET", "/v/images/json"},
                                {"HEAD", "/images/json"},
                                {"GET", "/things//json"}}) {
        auto answer = ask(method, path);
        if (std::string_view(path).find("//") != std::string_view::npos) {
            EXPECT_EQ(answer.status, 301u);
            EXPECT_EQ(answer.headers.get("Location"), "/things/json");
            continue;
        }
        EXPECT_EQ(answer.status, 404u) << path;
        EXPECT_EQ(answer.body, "{\"message\":\"page not found\"}\n");
        EXPECT_FALSE(answer.headers.has("Server"));
    }
    EXPECT_EQ(ask("OPTIONS", "/anything").status, 200u);
}

TEST_F(RouterTest, VersionsAreNegotiated) {
    auto answer = ask("GET", "/v1.99/images/json");
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(answer.body,
              "{\"message\":\"client version 1.99 is too new. Maximum supported API version is 1.51\"}\n");
    EXPECT_EQ(answer.headers.get("Api-Version"), "1.51");
    answer = ask("GET", "/v1.12/images/json");
    EXPECT_EQ(answer.body,
              "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your "
              "client to a "
              "newer version\n");
    EXPECT_EQ(answer.headers.get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(ask("GET", "/v99999999999999999999/images/json").status, 400u);
    EXPECT_EQ(ask("GET", "/v..../images/json").status, 400u);
}

TEST_F(RouterTest, ErrorsBecomeMessages) {
    auto answer = ask("GET", "/conflict");
    EXPECT_EQ(answer.status, 409u);
    EXPECT_EQ(answer.body, "{\"message\":\"taken: \\\"\xef\xbf\xbd\\\"\"}\n");
    EXPECT_EQ(answer.headers.get("Server"), "Docker/28.5.2 (linux)");
    EXPECT_EQ(ask("GET", "/broken").status, 500u);
    EXPECT_EQ(ask("GET", "/late").status, 200u);
}

TEST_F(RouterTest, BodiesAreCheckedInDockersWords) {
    http::Headers json;
    json.add("Content-Type", "application/json; charset=utf-8");
    auto message = [&](std::string body) { return ask("POST", "/body", std::move(body), json).body; };
    auto wrapped = [](std::string text) { return "{\"message\":\"" + text + "\"}\n"; };
    EXPECT_EQ(message("{\"a\":1}"), "{\"a\":1}\n");
    EXPECT_EQ(message("null"), "{}\n");
    EXPECT_EQ(message(""), wrapped("invalid JSON: got EOF while reading request body"));
    EXPECT_EQ(message("{bad"),
              wrapped("invalid JSON: invalid character 'b' looking for beginning of object key string"));
    EXPECT_EQ(message("{\"a\":"), wrapped("invalid JSON: unexpected EOF"));
    EXPECT_EQ(message("{} {}"), wrapped("unexpected content after JSON"));
    EXPECT_EQ(message("{\"a\" 1}"), wrapped("invalid JSON: invalid character '1' after object key"));
    EXPECT_EQ(message("{\"a\":tru}"),
              wrapped("invalid JSON: invalid character '}' in literal true (expecting 'e')"));
    EXPECT_EQ(message("{\"a\":01}"),
              wrapped("invalid JSON: invalid character '1' after object key:value pair"));
    EXPECT_EQ(message("{\"a\":\"\\x\"}"), wrapped("invalid JSON: invalid escape sequence `\\\\x` in string"));
    EXPECT_EQ(message("{\"a\":\"\n\"}"), wrapped("invalid JSON: invalid character '\\\\n' in string"));
    EXPECT_EQ(message("}"), wrapped("invalid JSON: invalid character '}' looking for beginning of value"));
    EXPECT_EQ(message("[]"),
              wrapped("invalid JSON: json: cannot unmarshal array into Go value of type object"));
    EXPECT_EQ(message("{\"a\":\"\xff\"}"), wrapped("invalid JSON: invalid UTF-8"));
    EXPECT_EQ(message(std::string(100'000, '[')), wrapped("invalid JSON: exceeded max depth"));
    http::Headers other;
    other.add("Content-Type", "text/foo");
    EXPECT_EQ(ask("POST", "/body", "{}", other).body,
              wrapped("unsupported Content-Type header (text/foo): must be 'application/json'"));
    EXPECT_EQ(ask("POST", "/body", "{}").body,
              wrapped("malformed Content-Type header (): mime: no media type"));
}

TEST_F(RouterTest, UpgradesAreByteExact) {
    http::Headers upgrade;
    upgrade.add("Connection", "Upgrade");
    upgrade.add("Upgrade", "tcp");
    EXPECT_EQ(ask("POST", "/attach", "", upgrade).body,
              "HTTP/1.1 101 UPGRADED\r\nContent-Type: "
              "application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\n"
              "Upgrade: tcp\r\n\r\n");
    EXPECT_NE(ask("POST", "/v1.41/attach", "", upgrade).body.find("raw-stream"), std::string::npos);
    EXPECT_EQ(ask("POST", "/attach").body,
              "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
}

}  // namespace
}  // namespace berth::api
