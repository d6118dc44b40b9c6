#include "engine/archive/socket_body.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "engine/archive/byte_sink.h"
#include "engine/base/files.h"
#include "engine/base/unique_fd.h"

namespace berth::archive {
namespace {

struct Line {
    UniqueFd ours, theirs;
    Line() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        ours = UniqueFd(ends[0]);
        theirs = UniqueFd(ends[1]);
    }
};

struct Read {
    std::string text, error;
    std::size_t beyond = 0;
};

Read read(SocketBody& body) {
    Read out;
    for (;;) {
        auto piece = body.next();
        if (!piece) {
            out.error = piece.error().message;
            return out;
        }
        if (piece->empty()) break;
        out.text += *piece;
    }
    out.beyond = body.beyond();
    return out;
}

// `wire` in pieces of `step` bytes, the first of which came with the head.
Read read_in_steps(const std::string& wire, std::size_t step, std::optional<std::uint64_t> length = {}) {
    Line line;
    ::fcntl(line.ours.get(), F_SETFL, O_NONBLOCK);
    std::thread writer([&] {
        for (std::size_t at = step; at < wire.size(); at += step) {
            EXPECT_TRUE(write_all(line.theirs.get(), std::string_view(wire).substr(at, step)));
            std::this_thread::yield();
        }
        line.theirs.reset();
    });
    SocketBody body(line.ours.get(), wire.substr(0, step), length);
    Read out = read(body);
    writer.join();
    return out;
}

TEST(SocketBody, ChunksInPiecesOfAnySize) {
    const std::string wire =
        "5\r\nhello\r\n"
        "1;name=value\r\n \r\n"
        "0005\r\nworld\r\n"
        "0\r\nTrailer: x\r\n\r\n";
    for (std::size_t step = 1; step <= wire.size(); ++step) {
        Read got = read_in_steps(wire, step);
        EXPECT_EQ(got.error, "");
        EXPECT_EQ(got.text, "hello world");
        EXPECT_EQ(got.beyond, 0U);
    }
}

TEST(SocketBody, OfKnownLengthEndsThere) {
    Read got = read_in_steps("0123456789GET /", 15, 10);
    EXPECT_EQ(got.text, "0123456789");
    EXPECT_EQ(got.beyond, 5U);
    EXPECT_EQ(read_in_steps("", 1, 0).text, "");
}

TEST(SocketBody, WhatFollowsTheLastChunkIsTold) {
    Read got = read_in_steps("1\r\nx\r\n0\r\n\r\nGET /", 100);
    EXPECT_EQ(got.text, "x");
    EXPECT_EQ(got.beyond, 5U);
}

TEST(SocketBody, ABodyThatBreaksOffIsAnError) {
    for (const char* wire : {"5\r\nhel", "5", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", ""})
        EXPECT_EQ(read_in_steps(wire, 100).error, "unexpected EOF") << wire;
    EXPECT_EQ(read_in_steps("abc", 100, 4).error, "unexpected EOF");
}

TEST(SocketBody, WhatIsNoCodingIsRefused) {
    for (const char* wire :
         {"x\r\n", "\r\n", "5x\r\nhello\r\n", "1\r\nxy\r\n", "11111111111111111\r\n", "-1\r\n"})
        EXPECT_EQ(read_in_steps(wire, 100).error, "malformed chunked encoding") << wire;
    EXPECT_EQ(read_in_steps(std::string(8 << 10, '0'), 100).error, "malformed chunked encoding");
}

TEST(ChunkedSink, WritesWhatABodyReads) {
    auto folder = TempDir::make();
    ASSERT_TRUE(folder);
    const std::string path = folder->path() + "/file", content(3 << 20, 'c');
    ASSERT_TRUE(write_file(path, content));
    Line line;
    ::fcntl(line.theirs.get(), F_SETFL, O_NONBLOCK);
    std::thread writer([&] {
        FdSink plain(line.theirs.get());
        ChunkedSink chunks(plain);
        auto file = open_file(path, O_RDONLY);
        EXPECT_TRUE(file);
        EXPECT_TRUE(chunks.put("head"));
        EXPECT_TRUE(chunks.put(""));
        // Longer than it is: the rest is zeros.
        EXPECT_TRUE(chunks.send(file->get(), content.size() + 700));
        EXPECT_TRUE(chunks.send(file->get(), 0));
        EXPECT_TRUE(chunks.put("tail"));
        EXPECT_TRUE(chunks.finish());
    });
    SocketBody body(line.ours.get(), "", {});
    Read got = read(body);
    writer.join();
    EXPECT_EQ(got.error, "");
    EXPECT_TRUE(got.text == "head" + content + std::string(700, '\0') + "tail");
}

}  // namespace
}  // namespace berth::archive
