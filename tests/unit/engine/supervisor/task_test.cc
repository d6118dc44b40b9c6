#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

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

// The shims that were started for a task.
std::size_t shims_of(const std::string& id) {
    std::size_t count = 0;
    const auto processes = list_folder("/proc").value();
    for (const std::string& process : processes) {
        if (process.find_first_not_of("0123456789") != std::string::npos) continue;
        auto line = read_file("/proc/" + process + "/cmdline");
        if (line && line->find(std::string("--id\0", 5) + id) != std::string::npos) ++count;
    }
    return count;
}

// A program that has just been started has no command line yet.
void await_shims(const std::string& id, std::size_t count) {
    std::size_t seen = shims_of(id);
    for (int tries = 0; seen != count && tries < 500; ++tries) {
        ::usleep(10'000);
        seen = shims_of(id);
    }
    EXPECT_EQ(count, seen);
}

TEST_P(TaskTest, AnExpectedShimServesItsTask) {
    TaskSpec task = spec({"sh", "-c", "exit 3"});
    tasks_->expect(task.id, task.runtime.empty());
    await_shims(task.id, 1);
    std::string id = create(std::move(task));
    await_shims(id, 1);
    start(id);
    EXPECT_EQ(3, wait(id).exit_code);
    remove(id);
    await_shims(id, 0);
}

TEST_P(TaskTest, AnExpectedShimGoesWithoutATask) {
    const std::string id = spec({"true"}).id;
    tasks_->expect(id, true);
    await_shims(id, 1);
    remove(id);
    await_shims(id, 0);
    tasks_->expect(id, true);
    restart();
    await_shims(id, 0);
    EXPECT_FALSE(exists(bundle(id)));
}

// What the runtime does not know of when the container is created.
TEST_P(TaskTest, CgroupsThatAContainerMadeGoWithIt) {
    std::string id = create(spec({"sh", "-c", "exit 0"}));
    const bool v1 = exists("/sys/fs/cgroup/pids");
    const std::string group = (v1 ? "/sys/fs/cgroup/pids/" : "/sys/fs/cgroup/") + id;
    ASSERT_EQ(0, ::mkdir((group + "/its-own").c_str(), 0755));
    start(id);
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
    EXPECT_FALSE(exists(group));
    EXPECT_FALSE(exists(state() + "/runtime/" + id));
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
    // Newer runcs say "error during container init: " in between.
    const std::string& message = created.error().message;
    EXPECT_TRUE(message.starts_with(
        "failed to create task for container: failed to create shim task: OCI runtime create "
        "failed: runc create failed: unable to start container process: "))
        << message;
    EXPECT_NE(message.find("exec: \"/no/such/program\": "), std::string::npos) << message;
    EXPECT_FALSE(exists(bundle(id)));
    EXPECT_FALSE(exists("/sys/fs/cgroup/pids/" + id));
}

TEST_P(TaskTest, ARuntimeThatHangsIsAnError) {
    std::string hung = folder_->path() + "/hung";
    ASSERT_TRUE(write_file(hung, "#!/bin/sh\nexec sleep 1000\n", 0755));
    tasks_ = make_task_service(
        *io_, {state(), std::string(BERTH_BIN) + "/berth-shim", hung, std::chrono::seconds(1)});
    TaskSpec never = spec({"true"});
    std::string id = never.id;
    auto created = run(tasks_->create(std::move(never)));
    ASSERT_FALSE(created);
    EXPECT_EQ(
        "failed to create task for container: failed to create shim task: OCI runtime create failed: the "
        "runtime took longer than 1 seconds and was killed",
        created.error().message);
    EXPECT_FALSE(exists(bundle(id)));
    EXPECT_FALSE(tasks_->find(id));
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

TEST_P(TaskTest, AClientThatDoesNotReadHoldsTheWriterUpUntilItGoes) {
    TaskSpec writer = spec({"sh", "-c", "busybox seq 1 3000000"});
    writer.log_driver = "none";
    std::string id = create(std::move(writer));
    auto stuck = run(tasks_->attach(id, {})).value();
    auto reader = run(tasks_->attach(id, {})).value();
    start(id);
    // What one client may be behind is far less than what the container writes.
    std::string got;
    while (got.size() < 100'000) {
        std::array<char, 4096> buffer{};
        std::size_t count = run(reader->read_some(buffer)).value();
        got.append(buffer.data(), count);
    }
    EXPECT_FALSE(tasks_->find(id)->exit);
    stuck->close();
    got += run(read_to_end(reader.get())).value();
    std::string want;
    for (int i = 1; i <= 3'000'000; ++i) want.append(std::to_string(i)).append("\n");
    EXPECT_TRUE(want == unframe(got, 1));
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, AClientThatNeverReadsKeepsNobodyFromTheExit) {
    std::string id = create(spec({"sh", "-c", "busybox seq 1 100000"}));
    auto stuck = run(tasks_->attach(id, {})).value();
    start(id);
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
    // What lies in its socket is still there.
    EXPECT_EQ(100'000, std::ranges::count(unframe(run(read_to_end(stuck.get())).value(), 1), '\n'));
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

TEST_P(TaskTest, TheServicesProcessIsKilled) {
    int ready[2];
    ASSERT_EQ(0, ::pipe2(ready, O_CLOEXEC));
    UniqueFd read_end(ready[0]), write_end(ready[1]);
    TaskSpec ticking = spec({"sh", "-c", "echo before; read line; echo after $line; exit 5"});
    ticking.open_stdin = true;
    std::string id = ticking.id;
    pid_t service = ::fork();
    if (service == 0) {
        restart();
        create(std::move(ticking));
        auto stream = run(tasks_->attach(id, {}));
        start(id);
        (void)!::write(write_end.get(), "x", 1);
        ::pause();
        ::_exit(1);
    }
    char byte = 0;
    ASSERT_EQ(1, ::read(read_end.get(), &byte, 1));
    ASSERT_EQ(0, ::kill(service, SIGKILL));
    ASSERT_EQ(service, ::waitpid(service, nullptr, 0));

    ASSERT_EQ(1u, run(tasks_->recover()).value().size());
    EXPECT_EQ(Task::Status::kRunning, tasks_->find(id)->status);
    auto stream = run(tasks_->attach(id, {.input = true})).value();
    ASSERT_TRUE(run(stream->write_all("it all\n")));
    // "before" is in the stream too if the shell was slower than we are.
    EXPECT_TRUE(unframe(run(read_to_end(stream.get())).value(), 1).ends_with("after it all\n"));
    EXPECT_EQ(5, wait(id).exit_code);
    std::string log = read_file(log_path()).value();
    EXPECT_NE(std::string::npos, log.find("before"));
    EXPECT_NE(std::string::npos, log.find("after it all"));
    remove(id);
}

TEST_P(TaskTest, AnExitWithoutAServiceIsFoundAgain) {
    TaskSpec waiting = spec({"sh", "-c", "read line; exit 9"});
    waiting.open_stdin = waiting.stdin_once = true;
    std::string id = create(std::move(waiting));
    auto stream = run(tasks_->attach(id, {.input = true})).value();
    start(id);
    pid_t init = tasks_->find(id)->pid;
    int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, init, 0));
    UniqueFd ended(pidfd);
    // The service goes first, and with it the client, which is the end of stdin.
    stream.reset();
    restart();
    pollfd gone{ended.get(), POLLIN, 0};
    ASSERT_EQ(1, ::poll(&gone, 1, 30'000));
    ASSERT_EQ(1u, run(tasks_->recover()).value().size());
    EXPECT_EQ(9, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, ATerminalTakesInputAndSizes) {
    TaskSpec shell = spec({"sh"}, true);
    shell.open_stdin = true;
    std::string id = create(std::move(shell));
    auto stream = run(tasks_->attach(id, {.input = true})).value();
    start(id);
    ASSERT_TRUE(run(tasks_->resize(id, 50, 120)));
    ASSERT_TRUE(run(stream->write_all("busybox stty size; exit 3\n")));
    std::string seen = run(read_to_end(stream.get())).value();
    EXPECT_NE(std::string::npos, seen.find("50 120\r\n")) << seen;
    EXPECT_EQ(3, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, OutOfMemoryIsTold) {
    TaskSpec hungry = spec({"sh", "-c", "text=0123456789; while true; do text=$text$text; done"});
    auto config = nlohmann::json::parse(hungry.config_json);
    config["linux"]["resources"]["memory"]["limit"] = 32 << 20;
    hungry.config_json = config.dump();
    std::string id = create(std::move(hungry));
    start(id);
    TaskExit exit = wait(id);
    EXPECT_EQ(137, exit.exit_code);
    EXPECT_TRUE(exit.oom_killed);
    remove(id);
}

TEST_P(TaskTest, EveryClientGetsEverything) {
    std::string id = create(spec({"sh", "-c", "busybox seq 1 100000; echo err >&2"}));
    auto first = run(tasks_->attach(id, {})).value();
    auto second = run(tasks_->attach(id, {})).value();
    auto errors = run(tasks_->attach(id, {.output = false})).value();
    start(id);
    // One after the other: the second is behind while the first reads, by less than what it may be.
    auto both = [](async::Stream* a, async::Stream* b) -> Async<Result<std::string>> {
        auto one = read_to_end(a);
        auto two = read_to_end(b);
        BERTH_CO_TRY(std::string left, co_await std::move(one));
        BERTH_CO_TRY(std::string right, co_await std::move(two));
        co_return left == right ? left : std::string("they differ");
    };
    std::string got = run(both(first.get(), second.get())).value();
    std::string want;
    for (int i = 1; i <= 100000; ++i) want.append(std::to_string(i)).append("\n");
    EXPECT_TRUE(want == unframe(got, 1));
    EXPECT_EQ("err\n", unframe(run(read_to_end(errors.get())).value(), 2));
    EXPECT_EQ(0, wait(id).exit_code);
    remove(id);
}

TEST_P(TaskTest, ALongStatePath) {
    long_state_ = "/" + std::string(150, 's');
    ASSERT_TRUE(make_folders(state(), 0700));
    restart();
    std::string id = create(spec({"sh", "-c", "exit 4"}, true));
    restart();
    ASSERT_EQ(1u, run(tasks_->recover()).value().size());
    start(id);
    EXPECT_EQ(4, wait(id).exit_code);
    remove(id);
}

INSTANTIATE_TEST_SUITE_P(Runc, TaskTest, Values("/usr/sbin/runc"));
INSTANTIATE_TEST_SUITE_P(Berth, TaskTest, Values(BERTH_BIN "/berth-runtime"));

}  // namespace berth::supervisor
