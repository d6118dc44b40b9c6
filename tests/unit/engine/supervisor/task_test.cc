#include "engine/logs/log_driver.h"
#include "tests/unit/engine/supervisor/task_fixture.h"

namespace berth::supervisor {

using ::testing::Values;

TEST_P(TaskTest, ExitCodeAndNothingLeft) {
    std::string id = create(spec({"sh", "-c", "exit 42"}));
    start(id);
    TaskExit exit = wait(id);
    EXPECT_EQ(42, exit.exit_code);
    EXPECT_FALSE(exit.oom_killed);
    EXPECT_EQ("", exit.error);
    remove(id);
    EXPECT_FALSE(tasks_->find(id));
}

TEST_P(TaskTest, AttachBeforeStartGetsEverythingAndSoDoesTheLog) {
    std::string id = create(spec({"sh", "-c", "echo out; echo err >&2; echo more"}));
    auto stream = run(tasks_->attach(id, {})).value();
    stream->shutdown_write();
    start(id);
    std::string frames = run(read_to_end(stream.get())).value();
    EXPECT_EQ("out\nmore\n", unframe(frames, 1));
    EXPECT_EQ("err\n", unframe(frames, 2));
    EXPECT_EQ(0, wait(id).exit_code);
    std::string log = read_file(log_path()).value();
    EXPECT_NE(std::string::npos, log.find(R"({"log":"out\n","stream":"stdout","time":")"));
    EXPECT_NE(std::string::npos, log.find(R"({"log":"err\n","stream":"stderr","time":")"));
    remove(id);
}

TEST_P(TaskTest, ErrorsAreDockers) {
    TaskSpec missing = spec({"/no/such/program"});
    std::string id = missing.id;
    auto created = run(tasks_->create(std::move(missing)));
    ASSERT_FALSE(created);
    EXPECT_TRUE(created.error().message.starts_with(
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
        "failed: unable to start container process: exec: \"/no/such/program\": "))
        << created.error().message;
    EXPECT_FALSE(exists(bundle(id)));
    EXPECT_FALSE(exists("/sys/fs/cgroup/pids/" + id));
}

TEST_P(TaskTest, StdinOnceEndsWithTheClientsSide) {
    TaskSpec cat = spec({"busybox", "cat"});
    cat.open_stdin = cat.stdin_once = true;
    std::string id = create(std::move(cat));
    auto stream = run(tasks_->attach(id, {.input = true})).value();
    start(id);
    ASSERT_TRUE(run(stream->write_all("hello\n")));
    stream->shutdown_write();
    EXPECT_EQ("hello\n", unframe(run(read_to_end(stream.get())).value(), 1));
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, HundredMegabytesByteExact) {
    TaskSpec many = spec({"sh", "-c", "busybox seq 1 13000000"});
    many.log_driver = "none";
    std::string id = create(std::move(many));
    auto stream = run(tasks_->attach(id, {})).value();
    start(id);
    std::string got = unframe(run(read_to_end(stream.get())).value(), 1);
    std::string want;
    for (int i = 1; i <= 13000000; ++i) want.append(std::to_string(i)).append("\n");
    EXPECT_EQ(want.size(), got.size());
    EXPECT_TRUE(want == got);
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, AClientThatDoesNotReadHoldsTheWriterUpAndOneThatGoesLetsItGo) {
    TaskSpec writer = spec({"sh", "-c", "busybox seq 1 3000000"});
    writer.log_driver = "none";
    std::string id = create(std::move(writer));
    auto stream = run(tasks_->attach(id, {})).value();
    start(id);
    EXPECT_FALSE(tasks_->find(id)->exit);
    stream->close();
    stream.reset();
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, TerminalIsRawAndHasASize) {
    TaskSpec tty = spec({"busybox", "stty", "size"}, true);
    tty.rows = 33;
    tty.columns = 77;
    std::string id = create(std::move(tty));
    auto stream = run(tasks_->attach(id, {})).value();
    start(id);
    EXPECT_EQ("33 77\r\n", run(read_to_end(stream.get())).value());
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, KillAndKillAgain) {
    std::string id = create(spec({"busybox", "sleep", "1000"}));
    start(id);
    EXPECT_TRUE(run(tasks_->kill(id, SIGKILL)));
    EXPECT_EQ(137, wait(id).exit_code);
    auto again = run(tasks_->kill(id, SIGKILL));
    ASSERT_FALSE(again);
    EXPECT_EQ(ErrorKind::kConflict, again.error().kind);
    remove(id);
}

TEST_P(TaskTest, NeverStartedIsRemoved) {
    std::string id = create(spec({"sh"}));
    remove(id);
}

TEST_P(TaskTest, ANewServiceFindsWhatRunsAndWhatHasExited) {
    std::string running = create(spec({"busybox", "sleep", "1000"}));
    start(running);
    TaskSpec brief = spec({"sh", "-c", "exit 7"});
    std::string exited = create(std::move(brief));
    start(exited);
    EXPECT_EQ(7, wait(exited).exit_code);

    restart();
    auto found = run(tasks_->recover());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(2u, found->size());
    EXPECT_EQ(Task::Status::kRunning, tasks_->find(running)->status);
    EXPECT_GT(tasks_->find(running)->pid, 0);
    EXPECT_EQ(7, wait(exited).exit_code);
    EXPECT_TRUE(run(tasks_->kill(running, SIGTERM)));
    EXPECT_TRUE(run(tasks_->kill(running, SIGKILL)));
    EXPECT_EQ(137, wait(running).exit_code);
    remove(running);
    remove(exited);
}

TEST_P(TaskTest, AContainerWhoseShimDiesIsKilled) {
    std::string id = create(spec({"busybox", "sleep", "1000"}));
    start(id);
    // The shim is the parent of the container's init.
    std::string stat = read_file("/proc/" + std::to_string(tasks_->find(id)->pid) + "/stat").value();
    pid_t shim = std::atoi(stat.c_str() + stat.rfind(')') + 4);
    ASSERT_GT(shim, 1);
    ASSERT_EQ(0, ::kill(shim, SIGKILL));
    TaskExit exit = wait(id);
    EXPECT_EQ(137, exit.exit_code);
    EXPECT_NE("", exit.error);
    remove(id);
}

INSTANTIATE_TEST_SUITE_P(Runc, TaskTest, Values("/usr/sbin/runc"));
INSTANTIATE_TEST_SUITE_P(Berth, TaskTest, Values(BERTH_BIN "/berth-runtime"));

}  // namespace berth::supervisor
