#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/container/container_services.h"
#include "engine/container/store.h"
#include "tests/support/fake_services.h"

namespace berth::container {
namespace {

using Actions = std::vector<std::string>;

// The whole of engine/container over fakes; the database and the data root are real.
class LifecycleTest : public testing::Test {
 protected:
    LifecycleTest()
        : folder_(std::move(*TempDir::make())), pool_(2), tasks_(io_), snapshots_(folder_.path() + "/root") {
        EXPECT_TRUE(make_folders(folder_.path() + "/root", 0755));
        images_.run.cmd = {"sh"};
        open();
    }
    ~LifecycleTest() override { close(); }

    void open() {
        const state::Schema schemas[] = {kSchema};
        database_ = std::move(*state::Database::open(folder_.path() + "/berth.db", schemas));
        ContainerConfig config;
        config.data_root = folder_.path() + "/data";
        config.state_root = folder_.path() + "/run";
        config.cgroup_root = folder_.path() + "/cgroup";
        auto opened = open_container_services({io_, pool_, pool_, *database_, events_, tasks_, images_,
                                               snapshots_, volumes_, networks_, config});
        ASSERT_TRUE(opened) << opened.error().message;
        services_ = std::move(*opened);
    }
    void close() {
        if (services_) async::block_on(io_, services_->close());
        services_.reset();
        database_.reset();
    }
    template <class T>
    T run(Async<T> task) {
        return async::block_on(io_, std::move(task));
    }
    ContainerLifecycle& lifecycle() { return services_->lifecycle(); }
    CreateRequest request() {
        CreateRequest request;
        request.name = "web";
        request.config.image = "busybox";
        return request;
    }
    std::string create(CreateRequest request) {
        auto created = run(lifecycle().create(std::move(request)));
        EXPECT_TRUE(created) << created.error().message;
        return created ? created->id : "";
    }
    std::unique_ptr<Waiting> wait(WaitCondition condition) {
        return std::move(*lifecycle().wait("web", condition));
    }
    ContainerPtr web() {
        auto found = services_->inspector().find("web");
        return found ? *found : nullptr;
    }

    TempDir folder_;
    IoContext io_;
    async::BlockingPool pool_;
    fakes::Tasks tasks_;
    fakes::Images images_;
    fakes::Snapshots snapshots_;
    fakes::Volumes volumes_;
    fakes::Networks networks_;
    fakes::Events events_;
    std::unique_ptr<state::Database> database_;
    std::unique_ptr<ContainerServices> services_;
};

TEST_F(LifecycleTest, RunsToItsEnd) {
    std::string id = create(request());
    auto waiting = wait(WaitCondition::kNextExit);
    auto started = run(lifecycle().start("web"));
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(*started, Outcome::kChanged);
    EXPECT_EQ(web()->state.status, Status::kRunning);
    EXPECT_EQ(*run(lifecycle().start("web")), Outcome::kUnchanged);
    auto refused = run(lifecycle().remove("web", {}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "cannot remove container \"web\": container is running: stop the container before removing or "
              "force remove");
    tasks_.exit(id, 3);
    EXPECT_EQ(run(waiting->result())->exit_code, 3);
    EXPECT_EQ(web()->state.exit_code, 3);
    EXPECT_TRUE(networks_.attached.empty());
    EXPECT_EQ(*run(lifecycle().stop("web", {})), Outcome::kUnchanged);
    EXPECT_EQ(run(wait(WaitCondition::kNotRunning)->result())->exit_code, 3);
    ASSERT_TRUE(run(lifecycle().remove("web", {})));
    EXPECT_EQ(events_.actions, (Actions{"create", "start", "die", "destroy"}));
    EXPECT_TRUE(snapshots_.keys.empty());
    EXPECT_FALSE(exists(folder_.path() + "/data/containers/" + id));
}

TEST_F(LifecycleTest, AutoRemoveTakesAnonymousVolumesAndAnswersTheExitCode) {
    auto wanted = request();
    wanted.host.auto_remove = true;
    wanted.config.volumes = {"/data"};
    wanted.host.binds = {"kept:/kept"};
    std::string id = create(wanted);
    EXPECT_EQ(volumes_.all.size(), 2u);
    auto waiting = wait(WaitCondition::kRemoved);
    ASSERT_TRUE(run(lifecycle().start(id)));
    tasks_.exit(id, 5);
    EXPECT_EQ(run(waiting->result())->exit_code, 5);
    EXPECT_FALSE(web());
    EXPECT_EQ(volumes_.all, std::set<std::string>{"kept"});
}

TEST_F(LifecycleTest, AFailedStartLeavesNothingAndSaysWhy) {
    create(request());
    tasks_.create_error = "OCI runtime create failed: exec: \"sh\": executable file not found in $PATH";
    auto started = run(lifecycle().start("web"));
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(web()->state.exit_code, 127);
    EXPECT_EQ(web()->state.status, Status::kCreated);
    EXPECT_TRUE(networks_.attached.empty());
    EXPECT_EQ(tasks_.count(), 0u);
    networks_.attach_error = "port is already allocated";
    started = run(lifecycle().start("web"));
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message, "failed to set up container networking: port is already allocated");
    EXPECT_EQ(started.error().kind, ErrorKind::kInternal);
}

TEST_F(LifecycleTest, ACreateThatFailsLeavesNothing) {
    auto missing = request();
    missing.config.image = "nope";
    auto created = run(lifecycle().create(missing));
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().message, "No such image: nope:latest");
    images_.run.cmd.clear();
    created = run(lifecycle().create(request()));
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().message, "no command specified");
    images_.run.cmd = {"sh"};
    create(request());
    EXPECT_FALSE(run(lifecycle().create(request())));
    EXPECT_EQ(snapshots_.keys.size(), 1u);
}

TEST_F(LifecycleTest, StopKillsWhatIgnoresItsSignal) {
    create(request());
    ASSERT_TRUE(run(lifecycle().start("web")));
    tasks_.ignores_term = true;
    auto stopped = run(lifecycle().stop("web", {"", 0}));
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_EQ(tasks_.signals, (std::vector<int>{15, 9}));
    EXPECT_EQ(web()->state.exit_code, 137);
    auto killed = run(lifecycle().kill("web", ""));
    ASSERT_FALSE(killed);
    EXPECT_EQ(killed.error().message,
              "cannot kill container: web: container " + web()->id + " is not running");
}

TEST_F(LifecycleTest, ForcedRemovalEndsTheProcess) {
    create(request());
    ASSERT_TRUE(run(lifecycle().start("web")));
    auto removed = run(lifecycle().remove("web", {true, false, false}));
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_FALSE(web());
    EXPECT_EQ(tasks_.count(), 0u);
}

TEST_F(LifecycleTest, OnFailureRestartsAsOftenAsItMay) {
    auto wanted = request();
    wanted.host.restart_policy = {"on-failure", 1};
    std::string id = create(wanted);
    ASSERT_TRUE(run(lifecycle().start(id)));
    auto first = wait(WaitCondition::kNextExit);
    tasks_.exit(id, 1);
    EXPECT_EQ(run(first->result())->exit_code, 1);
    EXPECT_EQ(web()->state.status, Status::kRestarting);
    auto second = wait(WaitCondition::kNextExit);
    while (tasks_.starts < 2) io_.run_one();
    while (web()->state.status != Status::kRunning) io_.run_one();
    tasks_.exit(id, 1);
    EXPECT_EQ(run(second->result())->exit_code, 1);
    EXPECT_EQ(web()->state.status, Status::kExited);
    EXPECT_EQ(web()->state.restart_count, 1);
}

TEST_F(LifecycleTest, StopEndsThePauseBeforeARestart) {
    auto wanted = request();
    wanted.host.restart_policy = {"always", 0};
    std::string id = create(wanted);
    ASSERT_TRUE(run(lifecycle().start(id)));
    auto exit = wait(WaitCondition::kNextExit);
    tasks_.exit(id, 0);
    (void)run(exit->result());
    EXPECT_EQ(*run(lifecycle().stop("web", {})), Outcome::kChanged);
    EXPECT_EQ(web()->state.status, Status::kExited);
    EXPECT_EQ(tasks_.starts, 1);
}

TEST_F(LifecycleTest, AttachedBeforeTheStartMissesNothing) {
    std::string id = create(request());
    AttachRequest attach;
    attach.output = attach.error = attach.stream = true;
    auto attachment = std::move(*services_->streams().attach(id, attach));
    ASSERT_TRUE(run(lifecycle().start(id)));
    auto client = std::make_unique<fakes::PipeStream>(io_);
    fakes::PipeStream* seen = client.get();
    std::string written;
    tasks_.exit(id, 0);
    struct Keep final : async::Stream {
        Keep(fakes::PipeStream& to, std::string& text) : to(to), text(text) {}
        Async<Result<std::size_t>> read_some(std::span<char> buffer) override { return to.read_some(buffer); }
        Async<Result<>> write_all(std::string_view bytes) override {
            text += bytes;
            co_return Result<>();
        }
        void shutdown_write() override {}
        void close() override {}
        fakes::PipeStream& to;
        std::string& text;
    };
    auto done = run(attachment->run(std::make_unique<Keep>(*seen, written)));
    EXPECT_TRUE(done);
    EXPECT_EQ(written, "hello\n");
}

TEST_F(LifecycleTest, ANewDaemonAdoptsAndReplays) {
    std::string id = create(request());
    auto other = request();
    other.name = "gone";
    other.host.auto_remove = true;
    std::string removed = create(other);
    ASSERT_TRUE(run(lifecycle().start(id)));
    ASSERT_TRUE(run(lifecycle().start(removed)));
    std::string half = new_id();
    close();
    ASSERT_TRUE(make_folders(folder_.path() + "/data/containers/" + half, 0700));
    snapshots_.keys.insert(half);
    tasks_.exit(removed, 9);
    open();
    auto waiting = std::move(*lifecycle().wait("gone", WaitCondition::kRemoved));
    ASSERT_TRUE(run(services_->recover()));
    EXPECT_EQ(networks_.recovered, std::vector<std::string>{id});
    EXPECT_EQ(run(waiting->result())->exit_code, 9);
    EXPECT_EQ(web()->state.status, Status::kRunning);
    EXPECT_FALSE(snapshots_.keys.contains(half));
    EXPECT_FALSE(exists(folder_.path() + "/data/containers/" + half));
    auto exit = wait(WaitCondition::kNotRunning);
    tasks_.exit(id, 4);
    EXPECT_EQ(run(exit->result())->exit_code, 4);
}

}  // namespace
}  // namespace berth::container
