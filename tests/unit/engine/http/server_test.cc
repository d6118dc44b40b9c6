#include "engine/http/server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/files.h"

namespace berth::http {
namespace {

Async<void> echo_stream(std::unique_ptr<async::Stream> stream) {
    std::string buffer(100, '\0');
    for (;;) {
        auto size = co_await stream->read_some(buffer);
        if (!size || *size == 0) break;
        auto sent = co_await stream->write_all(std::string_view(buffer).substr(0, *size));
        if (!sent) break;
    }
    auto sent = co_await stream->write_all("<end>");
    (void)sent;
}

Async<void> sleep_long() {
    co_await async::sleep_for(std::chrono::hours(1));
}

// Behaves by path.
struct Behaviour {
    IoContext& io;
    bool gone = false;

    Async<void> answer(Request& request, Responder& responder) {
        if (request.path == "/stream") {
            auto begun = co_await responder.begin(200, {});
            auto one = co_await responder.write("one");
            auto none = co_await responder.write("");
            auto two = co_await responder.write("two");
            if (begun && one && none && two) co_await responder.end();
        } else if (request.path == "/echo") {
            auto body = co_await request.body->read_all(100 << 20);
            co_await responder.send(body ? 200 : 500, {}, body ? *body : body.error().message);
        } else if (request.path == "/hijack") {
            auto stream = co_await responder.hijack("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n");
            if (stream) async::spawn(io, echo_stream(std::move(*stream)));
        } else if (request.path == "/wait") {
            co_await responder.begin(200, {});
            auto left = co_await async::race(responder.client_gone(), sleep_long());
            gone = left.index() == 0;
        } else if (request.path == "/throw") {
            throw std::runtime_error("broken");
        } else if (request.path == "/flood") {
            auto begun = co_await responder.begin(200, {});
            for (bool more = true; more;) {
                auto sent = co_await responder.write(std::string(1 << 16, 'x'));
                more = sent.has_value();
            }
            gone = true;
        } else {
            Headers headers;
            headers.add("X-Seen",
                        request.method + " " + request.path + " " + std::string(request.headers.get("Host")));
            co_await responder.send(200, headers, "hello");
        }
    }
};

// A server on a thread of its own, and a client of plain blocking sockets: the wire itself is what is tested.
class ServerTest : public testing::Test {
 protected:
    void SetUp() override {
        auto made = TempDir::make();
        ASSERT_TRUE(made);
        dir_.emplace(std::move(*made));
        ASSERT_TRUE(server_.listen_unix(path(), 0600, -1));
        thread_ = std::thread([this] { io_.run(); });
    }
    void TearDown() override {
        async::spawn(io_, drain());
        thread_.join();
        EXPECT_FALSE(exists(path()));
    }
    Async<void> drain() { co_await server_.drain(0); }

    std::string path() const { return dir_->path() + "/s"; }
    UniqueFd dial() const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::strcpy(name.sun_path, path().c_str());
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
        return fd;
    }
    // Sends, half-closes if asked, and reads to the end.
    std::string talk(std::string_view bytes, bool half_close = true) {
        auto fd = dial();
        ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (half_close) ::shutdown(fd.get(), SHUT_WR);
        auto heard = read_all(fd.get());
        return heard ? *heard : heard.error().message;
    }
    static std::string read_until(int fd, std::string_view mark) {
        std::string out;
        char c;
        while (out.find(mark) == std::string::npos && ::read(fd, &c, 1) == 1) out += c;
        return out;
    }

    IoContext io_;
    Behaviour behaviour_{io_};
    Server server_{io_, [this](Request& request, Responder& responder) {
                       return behaviour_.answer(request, responder);
                   }};
    std::optional<TempDir> dir_;
    std::thread thread_;
};

std::string get(std::string_view path, std::string_view more = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: \r\n" + std::string(more) + "\r\n";
}

TEST_F(ServerTest, AnswersWithLengthAndDate) {
    auto heard = talk(get("/a%20b?x=1"));
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 OK\r\nX-Seen: GET /a b \r\nDate: ")) << heard;
    EXPECT_TRUE(heard.ends_with("\r\nContent-Length: 5\r\n\r\nhello")) << heard;
}

TEST_F(ServerTest, KeepsAliveAndPipelines) {
    auto heard = talk(get("/1") + get("/2") + get("/3", "Connection: close\r\n") + get("/4"));
    EXPECT_NE(heard.find("GET /3"), std::string::npos) << heard;
    EXPECT_EQ(heard.find("GET /4"), std::string::npos) << heard;
    EXPECT_NE(heard.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, OldClientsGetAClose) {
    auto heard = talk("GET / HTTP/1.0\r\n\r\n", false);
    EXPECT_TRUE(heard.starts_with("HTTP/1.0 200 OK\r\n")) << heard;
    EXPECT_NE(heard.find("Connection: close"), std::string::npos);
    heard = talk("GET /stream HTTP/1.0\r\n\r\n", false);
    EXPECT_TRUE(heard.ends_with("\r\n\r\nonetwo")) << heard;
}

TEST_F(ServerTest, HeadHasNoBody) {
    auto heard = talk("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(heard.ends_with("Content-Length: 5\r\n\r\n")) << heard;
}

TEST_F(ServerTest, StreamsAreChunked) {
    auto heard = talk(get("/stream"));
    EXPECT_TRUE(heard.ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"))
        << heard;
}

TEST_F(ServerTest, BodiesComeChunkedSizedAndAwaited) {
    auto heard = talk(
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n" +
        get("/next"));
    EXPECT_NE(heard.find("\r\n\r\nabcde"), std::string::npos) << heard;
    EXPECT_NE(heard.find("GET /next"), std::string::npos) << heard;
    auto fd = dial();
    std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    ASSERT_TRUE(write_all(fd.get(), head));
    EXPECT_EQ(read_until(fd.get(), "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    ASSERT_TRUE(write_all(fd.get(), "fghij"));
    EXPECT_NE(read_until(fd.get(), "fghij").find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, AnUnreadBodyDoesNotSpoilTheNextRequest) {
    std::string body(100'000, 'x');
    auto heard =
        talk("POST /ignored HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body + get("/next"));
    EXPECT_NE(heard.find("GET /next"), std::string::npos) << heard;
}

TEST_F(ServerTest, ABigUnreadBodyEndsTheConnectionAfterTheAnswer) {
    std::string body(2'000'000, 'x');
    auto fd = dial();
    ASSERT_TRUE(write_all(fd.get(), "POST /ignored HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"));
    std::thread sender([&] { (void)::send(fd.get(), body.data(), body.size(), MSG_NOSIGNAL); });
    EXPECT_NE(read_until(fd.get(), "hello").find("200 OK"), std::string::npos);
    sender.join();
}

TEST_F(ServerTest, LargeHeadsPassHugeOnesDoNot) {
    auto heard = talk(get("/?" + std::string(60 << 10, 'q')));
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 OK")) << heard.substr(0, 100);
    heard = talk(get("/?" + std::string(80 << 10, 'q')));
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 431 ")) << heard.substr(0, 100);
}

TEST_F(ServerTest, NonsenseIsRefused) {
    for (const char* wrong :
         {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "\x16\x03\x01\x02\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        auto heard = talk(wrong);
        EXPECT_TRUE(heard.starts_with("HTTP/1.1 400 Bad Request\r\n")) << wrong << " -> " << heard;
    }
    EXPECT_TRUE(talk("GET / HTTP/3.7\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 505 "));
    EXPECT_TRUE(talk("GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n").starts_with("HTTP/1.1 417 "));
    EXPECT_EQ(talk("GET / HT"), "");
    EXPECT_EQ(talk(""), "");
    EXPECT_EQ(talk(get("/throw")), "");
    EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 200 OK"));
}

TEST_F(ServerTest, AHijackIsByteExactAndLosesNothing) {
    auto heard = talk("POST /hijack HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}early bytes");
    EXPECT_EQ(heard, "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nearly bytes<end>");
}

TEST_F(ServerTest, AWaitSeesTheClientGo) {
    auto fd = dial();
    ASSERT_TRUE(write_all(fd.get(), get("/wait")));
    read_until(fd.get(), "\r\n\r\n");
    ::shutdown(fd.get(), SHUT_WR);
    EXPECT_TRUE(read_all(fd.get()));
    EXPECT_TRUE(behaviour_.gone);
}

TEST_F(ServerTest, AWriterIsHeldBackAndSeesTheClientGo) {
    auto fd = dial();
    ASSERT_TRUE(write_all(fd.get(), get("/flood")));
    read_until(fd.get(), "xxxx");
    EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 200 OK"));
    EXPECT_FALSE(behaviour_.gone);
}

TEST_F(ServerTest, ManyConnectionsAtOnce) {
    std::vector<UniqueFd> fds;
    for (int i = 0; i < 200; ++i) fds.push_back(dial());
    for (auto& fd : fds) ASSERT_TRUE(write_all(fd.get(), get("/")));
    for (auto& fd : fds) EXPECT_NE(read_until(fd.get(), "hello").find("200 OK"), std::string::npos);
}

}  // namespace
}  // namespace berth::http
