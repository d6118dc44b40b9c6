#include "engine/async/socket_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

#include "engine/async/race.h"
#include "engine/async/spawn.h"
#include "engine/base/files.h"

namespace berth::async {
namespace {

Async<std::string> read_to_end(Stream& stream) {
    std::string out;
    std::array<char, 64> buffer;
    for (;;) {
        auto size = co_await stream.read_some(buffer);
        if (!size) co_return "error: " + size.error().message;
        if (*size == 0) co_return out;
        out.append(buffer.data(), *size);
    }
}

Async<std::string> greet(IoContext& io, Listener& listener, std::string path) {
    auto socket = co_await connect_unix(io, path);
    if (!socket) co_return socket.error().message;
    auto client = make_socket_stream(io, std::move(*socket));
    auto peer = co_await listener.accept();
    if (!peer) co_return peer.error().message;
    auto server = make_socket_stream(io, std::move(*peer));
    auto sent = co_await client->write_all("hello");
    if (!sent) co_return sent.error().message;
    client->shutdown_write();
    std::string heard = co_await read_to_end(*server);
    auto answered = co_await server->write_all("and goodbye");
    if (!answered) co_return answered.error().message;
    server->close();
    std::string reply = co_await read_to_end(*client);
    co_return heard + " " + reply;
}

TEST(Sockets, LongPathsAndHalfCloseWork) {
    IoContext io;
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    std::string folder = dir->path() + "/" + std::string(120, 'x');
    ASSERT_TRUE(make_folders(folder, 0700));
    std::string path = folder + "/s";
    auto socket = listen_unix(path, 0660, -1);
    ASSERT_TRUE(socket) << socket.error().message;
    Listener listener(io, std::move(*socket));
    EXPECT_EQ(block_on(io, greet(io, listener, path)), "hello and goodbye");
}

TEST(Sockets, AStaleFileIsReplacedALiveOneIsNot) {
    auto dir = TempDir::make();
    ASSERT_TRUE(dir);
    std::string path = dir->path() + "/s";
    auto first = listen_unix(path, 0660, -1);
    ASSERT_TRUE(first);
    struct stat found;
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0660u);
    auto second = listen_unix(path, 0660, -1);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
    first->reset();
    EXPECT_TRUE(listen_unix(path, 0660, -1));
    ASSERT_TRUE(write_file(dir->path() + "/file", "x"));
    EXPECT_FALSE(listen_unix(dir->path() + "/file", 0660, -1));
}

TEST(Sockets, AddressesAreChecked) {
    for (const char* wrong :
         {"", "localhost:1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "[::1:5"}) {
        EXPECT_FALSE(listen_tcp(wrong)) << wrong;
    }
    auto socket = listen_tcp("127.0.0.1:0");
    ASSERT_TRUE(socket);
    auto port = local_port(socket->get());
    ASSERT_TRUE(port);
    EXPECT_GT(*port, 0);
}

Async<bool> write_until_cancelled(Stream& stream) {
    std::string much(1 << 20, 'x');
    for (;;) {
        auto sent = co_await stream.write_all(much);
        if (!sent) co_return sent.error().kind == ErrorKind::kCancelled;
    }
}

Async<bool> loses(Stream& stream) {
    auto result = co_await race(write_until_cancelled(stream), sleep_for(std::chrono::milliseconds(5)));
    co_return result.index() == 1;
}

TEST(Sockets, AWriterFeelsBackPressureAndCanBeCancelled) {
    IoContext io;
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    auto stream = make_socket_stream(io, UniqueFd(pair[0]));
    UniqueFd peer(pair[1]);
    EXPECT_TRUE(block_on(io, loses(*stream)));
}

TEST(Sockets, AWriteToNobodyIsCancelled) {
    IoContext io;
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    auto stream = make_socket_stream(io, UniqueFd(pair[0]));
    UniqueFd(pair[1]).reset();
    EXPECT_TRUE(block_on(io, write_until_cancelled(*stream)));
}

}  // namespace
}  // namespace berth::async
