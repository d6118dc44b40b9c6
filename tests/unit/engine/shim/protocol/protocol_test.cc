#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/shim/protocol/bundle.h"
#include "engine/shim/protocol/messages.h"
#include "engine/shim/protocol/socket.h"
#include "engine/shim/protocol/task_file.h"
#include "engine/shim/protocol/wire.h"

namespace berth::shim {

TEST(Frames, AreCutOutOfAnyPieces) {
    std::string bytes =
        encode_frame(MessageType::kKill, 7, "payload") + encode_frame(MessageType::kReply, 8, "");
    FrameBuffer buffer;
    std::vector<Frame> frames;
    for (char byte : bytes) {
        buffer.append(std::string_view(&byte, 1));
        auto frame = buffer.next();
        ASSERT_TRUE(frame);
        if (*frame) frames.push_back(**frame);
    }
    ASSERT_EQ(2u, frames.size());
    EXPECT_EQ(MessageType::kKill, frames[0].type);
    EXPECT_EQ(7u, frames[0].tag);
    EXPECT_EQ("payload", frames[0].payload);
    EXPECT_EQ("", frames[1].payload);
}

TEST(Frames, OfAnImpossibleLengthAreRefused) {
    for (std::uint32_t length : {0U, 5U, 0xFFFFFFFFU, static_cast<std::uint32_t>(kMaxFrame) + 1}) {
        WireWriter out;
        out.u32(length);
        FrameBuffer buffer;
        buffer.append(out.take());
        EXPECT_FALSE(buffer.next()) << length;
    }
}

TEST(Messages, SurviveTheWire) {
    Status status{TaskState::kExited, 4711, 123456789, ExitRecord{137, true, 99, "why"}};
    auto hello = decode_hello(encode_hello(&status));
    ASSERT_TRUE(hello);
    ASSERT_TRUE(*hello);
    EXPECT_EQ(TaskState::kExited, (*hello)->state);
    EXPECT_EQ(4711, (*hello)->pid);
    EXPECT_EQ(status.exit, (*hello)->exit);
    EXPECT_FALSE(decode_hello(encode_hello(nullptr))->has_value());

    Error error{ErrorKind::kConflict, "text", 17};
    Error back = decode_failure(encode_failure(error));
    EXPECT_EQ(error.kind, back.kind);
    EXPECT_EQ(error.message, back.message);
    EXPECT_EQ(17, back.sys_errno);
}

TEST(Messages, CutShortAreRefused) {
    Status status{TaskState::kRunning, 1, 2, ExitRecord{3, false, 4, "text"}};
    std::string hello = encode_hello(&status), exit = encode_exit(*status.exit);
    for (std::size_t size = 0; size < exit.size(); ++size) EXPECT_FALSE(decode_exit(exit.substr(0, size)));
    // Older shims end before the execs, which are two counts of four bytes here, and still older ones before
    // the byte that says whether there is health.
    for (std::size_t size = 7; size < hello.size(); ++size)
        EXPECT_EQ(decode_hello(hello.substr(0, size)).has_value(),
                  size == hello.size() - 8 || size == hello.size() - 9)
            << size;
    EXPECT_FALSE(decode_hello("rubbish"));
}

TEST(Messages, HealthSurvivesTheWire) {
    Health health{HealthStatus::kUnhealthy, 7, {{1, 2, -1, "said"}, {3, 4, 0, ""}}};
    Status status{TaskState::kRunning, 1, 2, {}, health};
    auto heard = decode_hello(encode_hello(&status));
    ASSERT_TRUE(heard && *heard && (*heard)->health);
    EXPECT_EQ((*heard)->health->status, HealthStatus::kUnhealthy);
    EXPECT_EQ((*heard)->health->failing_streak, 7u);
    ASSERT_EQ((*heard)->health->log.size(), 2u);
    EXPECT_EQ((*heard)->health->log[0].exit_code, -1);
    EXPECT_EQ((*heard)->health->log[0].output, "said");
    std::string bytes = encode_health(health);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_health(bytes.substr(0, size)));
}

TEST(TaskFile, SurvivesTheDisk) {
    TaskFile task;
    task.id = "abc";
    task.runtime = "/bin/runtime";
    task.runtime_root = "/run/x";
    task.runtime_args = {"--systemd-cgroup"};
    task.terminal = task.stdin_once = true;
    task.rows = 24;
    task.columns = 80;
    task.log_driver = "json-file";
    task.log_path = "/log";
    task.log_options = {{"max-size", "10m"}};
    task.cgroup_paths = {"/a", "/b"};
    std::string bytes = encode_task_file(task);
    EXPECT_EQ(task, decode_task_file(bytes).value());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        // As far as older daemons wrote: without a health check, a tag and attributes, a limit of the
        // runtime's.
        const std::size_t missing = bytes.size() - size;
        const bool whole = missing == 13 || missing == 12 || missing == 4;
        EXPECT_EQ(whole, decode_task_file(bytes.substr(0, size)).has_value()) << size;
    }
    task.log_tag = "tag";
    task.log_attributes = {{"a", "b"}};
    EXPECT_EQ(task, decode_task_file(encode_task_file(task)).value());
    task.health = {"{}", 1, 2, 3, 4, 5};
    EXPECT_EQ(task, decode_task_file(encode_task_file(task)).value());
}

TEST(ExitRecord, IsTextAndSurvivesTheDisk) {
    ExitRecord record{137, true, 1795218516062000000, "two\nlines"};
    EXPECT_EQ("berth-exit 1 code=137 oom=1 at=1795218516062000000\ntwo\nlines", format_exit_record(record));
    TempDir folder = TempDir::make().value();
    EXPECT_EQ(ErrorKind::kNotFound, read_exit_record(folder.path()).error().kind);
    ASSERT_TRUE(write_exit_record(folder.path(), record));
    EXPECT_EQ(record, read_exit_record(folder.path()).value());
    for (const char* text : {"", "berth-exit 1 code=1", "berth-exit 2 code=1 oom=0 at=1\n", "rubbish\n"}) {
        EXPECT_FALSE(parse_exit_record(text)) << text;
    }
}

TEST(Sockets, CarryDescriptorsAndLongPaths) {
    TempDir folder = TempDir::make().value();
    std::string deep = folder.path() + "/" + std::string(200, 'd');
    ASSERT_TRUE(make_folders(deep, 0700));
    EXPECT_EQ(ErrorKind::kUnavailable, connect_in(deep, kSocketFile).error().kind);
    UniqueFd here(::open(".", O_PATH | O_CLOEXEC));
    ASSERT_EQ(0, ::chdir(deep.c_str()));
    auto listening = listen_here(kSocketFile);
    ASSERT_EQ(0, ::fchdir(here.get()));
    ASSERT_TRUE(listening);
    auto socket = connect_in(deep, kSocketFile);
    ASSERT_TRUE(socket) << socket.error().message;
    EXPECT_TRUE(check_peer(socket->get()));

    auto pair = make_socket_pair();
    std::string bytes;
    std::vector<UniqueFd> fds;
    EXPECT_FALSE(receive(pair->theirs.get(), bytes, fds).value());
    ASSERT_TRUE(send_message(pair->ours.get(), "hello", here.get()));
    ASSERT_TRUE(receive(pair->theirs.get(), bytes, fds).value());
    EXPECT_EQ("hello", bytes);
    ASSERT_EQ(1u, fds.size());
    EXPECT_EQ(FD_CLOEXEC, ::fcntl(fds[0].get(), F_GETFD));
    pair->ours.reset();
    EXPECT_EQ(ErrorKind::kCancelled, receive(pair->theirs.get(), bytes, fds).error().kind);
    EXPECT_EQ(ErrorKind::kCancelled, send_message(pair->theirs.get(), "x").error().kind);
}

}  // namespace berth::shim
