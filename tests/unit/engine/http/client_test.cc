#include "engine/http/client.h"

#include <gtest/gtest.h>

#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/http/proxy.h"
#include "engine/http/server.h"

namespace berth::http {
namespace {

using async::block_on;

Async<void> echo(Request& request, Responder& responder) {
    auto body = co_await request.body->read_all(1 << 20);
    if (!body) co_return;
    if (request.path == "/missing") {
        co_await responder.send(404, {}, "{\"message\":\"no such thing\"}\n");
    } else if (request.path == "/hijack") {
        auto stream = co_await responder.hijack("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst");
        if (stream) co_await (*stream)->write_all(" second");
    } else if (request.path == "/chunks") {
        auto begun = co_await responder.begin(200, {});
        auto one = co_await responder.write(*body);
        auto two = co_await responder.write("!");
        if (begun && one && two) co_await responder.end();
    } else {
        Headers headers;
        headers.add("X-Method", request.method);
        co_await responder.send(200, headers, *body);
    }
}

class Pieces final : public BodySource {
 public:
    Async<Result<std::string>> next() override {
        std::string piece = count_ < 3 ? std::string(1, static_cast<char>('a' + count_)) : std::string();
        ++count_;
        co_return piece;
    }

 private:
    int count_ = 0;
};

class ClientTest : public testing::Test {
 protected:
    void SetUp() override {
        auto made = TempDir::make();
        ASSERT_TRUE(made);
        dir_.emplace(std::move(*made));
        ASSERT_TRUE(server_.listen_unix(dir_->path() + "/s", 0600, -1));
        auto endpoint = Endpoint::parse("unix://" + dir_->path() + "/s");
        ASSERT_TRUE(endpoint);
        client_.emplace(io_, *endpoint, ClientOptions{.deadline = std::chrono::seconds(5)});
    }
    void TearDown() override {
        client_.reset();
        block_on(io_, server_.drain(1));
    }
    Async<std::string> exchange(ClientRequest request) {
        auto response = co_await client_->request(request);
        if (!response) co_return response.error().message;
        auto body = co_await response->body->read_all(1 << 20);
        if (!body) co_return body.error().message;
        co_return std::to_string(response->status) + " " + *body;
    }
    Async<std::string> upgrade(ClientRequest request) {
        auto upgraded = co_await client_->upgrade(request);
        if (!upgraded) co_return upgraded.error().message;
        std::string out, buffer(64, '\0');
        for (;;) {
            auto size = co_await upgraded->stream->read_some(buffer);
            if (!size || *size == 0) co_return out;
            out.append(buffer, 0, *size);
        }
    }

    IoContext io_;
    Server server_{io_, echo};
    std::optional<TempDir> dir_;
    std::optional<Client> client_;
};

ClientRequest request_to(std::string method, std::string target, std::string body = {}) {
    ClientRequest out;
    out.method = std::move(method);
    out.target = std::move(target);
    out.body = std::move(body);
    return out;
}

TEST_F(ClientTest, RequestsFollowEachOther) {
    EXPECT_EQ(block_on(io_, exchange(request_to("POST", "/", "hello"))), "200 hello");
    EXPECT_EQ(block_on(io_, exchange(request_to("POST", "/chunks", "hello"))), "200 hello!");
    EXPECT_EQ(block_on(io_, exchange(request_to("HEAD", "/"))), "200 ");
    EXPECT_EQ(block_on(io_, exchange(request_to("GET", "/"))), "200 ");
}

TEST_F(ClientTest, UploadsOfUnknownLengthAreChunked) {
    Pieces pieces;
    auto request = request_to("POST", "/");
    request.stream = &pieces;
    EXPECT_EQ(block_on(io_, exchange(request)), "200 abc");
}

TEST_F(ClientTest, AnUpgradeGivesTheConnection) {
    EXPECT_EQ(block_on(io_, upgrade(request_to("POST", "/hijack"))), "first second");
    EXPECT_EQ(block_on(io_, upgrade(request_to("POST", "/missing"))), "no such thing");
}

TEST_F(ClientTest, LineBreaksNeverReachTheWire) {
    auto request = request_to("GET", "/");
    request.headers.add("X", "a\r\nY: b");
    EXPECT_EQ(block_on(io_, exchange(request)), "malformed HTTP request");
    EXPECT_EQ(block_on(io_, exchange(request_to("GET", "/ HTTP/1.0"))), "malformed HTTP request");
}

TEST(Proxy, GoesAroundLoopbackAndWhatIsExcluded) {
    const ProxySettings settings{"proxy.lan:3128", "http://u:p%40@secure.lan",
                                 "a.lan, .b.lan,10.0.0.0/8,c.lan:81,::2"};
    auto way = [&](const char* url) {
        auto proxy = proxy_for(settings, *Endpoint::parse(url));
        return !proxy ? "error" : *proxy ? (*proxy)->endpoint.host + " " + (*proxy)->authorization : "";
    };
    EXPECT_EQ(way("http://x.lan"), "proxy.lan ");
    EXPECT_EQ(way("https://x.lan"), "secure.lan Basic dTpwQA==");
    EXPECT_EQ(way("http://b.lan"), "proxy.lan ");
    EXPECT_EQ(way("http://c.lan"), "proxy.lan ");
    for (const char* direct :
         {"http://localhost", "http://127.3.4.5", "http://[::1]:80", "http://a.lan", "http://x.A.lan",
          "http://x.b.lan", "http://10.1.1.1", "http://c.lan:81", "http://[::2]"})
        EXPECT_EQ(way(direct), "") << direct;
    EXPECT_FALSE(proxy_for({"http://%zz@h", "", ""}, *Endpoint::parse("http://x.lan")));
    EXPECT_FALSE(*proxy_for({"p", "p", "*"}, *Endpoint::parse("http://x.lan")));
}

TEST_F(ClientTest, UploadsOfKnownLengthAreNot) {
    class Sized final : public BodySource {
     public:
        Async<Result<std::string>> next() override { co_return std::exchange(left_, {}); }
        std::optional<std::uint64_t> size() const override { return 5; }

     private:
        std::string left_ = "abcde";
    };
    Sized source;
    ClientRequest request = request_to("POST", "/");
    request.stream = &source;
    EXPECT_EQ(block_on(io_, exchange(request)), "200 abcde");
}

TEST(Endpoint, ReadsDockerHosts) {
    EXPECT_EQ(Endpoint::parse("unix:///a/b")->path, "/a/b");
    auto tcp = Endpoint::parse("tcp://127.0.0.1:99/x");
    ASSERT_TRUE(tcp);
    EXPECT_EQ(tcp->host, "127.0.0.1");
    EXPECT_EQ(tcp->port, 99);
    EXPECT_EQ(Endpoint::parse("https://h")->port, 443);
    EXPECT_EQ(Endpoint::parse("http://[::1]:80")->host, "::1");
    EXPECT_EQ(Endpoint::parse("http://[::1]")->port, 80);
    for (const char* wrong : {"", "x", "ftp://a", "http://", "http://a:", "http://a:b", "http://a:70000",
                              "unix://", "http://[::1"}) {
        EXPECT_FALSE(Endpoint::parse(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace berth::http
