#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <array>
#include <optional>

#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/supervisor/task_service.h"

namespace berth::supervisor {

// A state root of its own and containers of Debian's static busybox, by the runtime that is the parameter.
class TaskTest : public ::testing::TestWithParam<std::string> {
 protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "containers need root";
        if (!exists(GetParam())) GTEST_SKIP() << GetParam() << " is not there";
        if (!exists("/bin/busybox")) GTEST_SKIP() << "busybox-static is not installed";
        folder_.emplace(TempDir::make().value());
        for (const char* name : {"/root", "/root/bin", "/root/proc", "/root/dev", "/root/sys", "/state"}) {
            ASSERT_EQ(0, ::mkdir((folder_->path() + name).c_str(), 0755));
        }
        std::string busybox = read_file("/bin/busybox").value();
        ASSERT_TRUE(write_file(folder_->path() + "/root/bin/busybox", busybox, 0755));
        ASSERT_EQ(0, ::symlink("busybox", (folder_->path() + "/root/bin/sh").c_str()));
        restart();
    }

    // What a daemon does after kill -9: a new service on the same state.
    void restart() {
        tasks_.reset();
        io_.emplace();
        tasks_ = make_task_service(*io_, {state(), std::string(BERTH_BIN) + "/berth-shim", GetParam()});
    }

    std::string state() const { return folder_->path() + "/state" + long_state_; }
    std::string bundle(const std::string& id) const { return state() + "/tasks/" + id; }
    std::string log_path() const { return folder_->path() + "/log"; }

    TaskSpec spec(std::vector<std::string> args, bool terminal = false) {
        TaskSpec out;
        out.id = "berth-test-" + random_hex(6);
        nlohmann::json config = {
            {"ociVersion", "1.0.2"},
            {"process",
             {{"terminal", terminal},
              {"user", {{"uid", 0}, {"gid", 0}}},
              {"args", std::move(args)},
              {"env", {"PATH=/bin"}},
              {"cwd", "/"}}},
            {"root", {{"path", "rootfs"}}},
            {"mounts",
             {{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
              {{"destination", "/dev"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"mode=755"}}},
              {{"destination", "/dev/pts"},
               {"type", "devpts"},
               {"source", "devpts"},
               {"options", {"newinstance", "ptmxmode=0666", "mode=0620"}}}}},
            {"linux",
             {{"cgroupsPath", "/" + out.id},
              {"namespaces",
               {{{"type", "pid"}}, {{"type", "mount"}}, {{"type", "ipc"}}, {{"type", "uts"}}}}}}};
        out.config_json = config.dump();
        out.root = root_mount();
        out.terminal = terminal;
        out.log_driver = "json-file";
        out.log_path = log_path();
        out.cgroup_paths = {"/sys/fs/cgroup/pids/" + out.id, "/sys/fs/cgroup/memory/" + out.id};
        return out;
    }

    UniqueFd root_mount() {
        std::string path = folder_->path() + "/root";
        int fd = static_cast<int>(
            ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        EXPECT_GE(fd, 0);
        return UniqueFd(fd);
    }

    template <class T>
    Result<T> run(Async<Result<T>> task) {
        io_->restart();
        return async::block_on(*io_, std::move(task));
    }

    std::string create(TaskSpec spec) {
        std::string id = spec.id;
        auto created = run(tasks_->create(std::move(spec)));
        EXPECT_TRUE(created) << (created ? "" : created.error().message);
        return id;
    }
    TaskExit wait(const std::string& id) {
        auto exit = run(tasks_->wait(id));
        EXPECT_TRUE(exit) << (exit ? "" : exit.error().message);
        return exit ? *exit : TaskExit{-1};
    }
    void start(const std::string& id) {
        auto started = run(tasks_->start(id));
        EXPECT_TRUE(started) << (started ? "" : started.error().message);
    }
    void remove(const std::string& id) {
        auto removed = run(tasks_->remove(id));
        EXPECT_TRUE(removed) << (removed ? "" : removed.error().message);
        EXPECT_FALSE(exists(bundle(id)));
        EXPECT_FALSE(exists("/sys/fs/cgroup/pids/" + id));
        EXPECT_FALSE(exists(state() + "/runtime/" + id));
    }

    std::string long_state_;  // below the state root
    std::optional<TempDir> folder_;
    std::optional<IoContext> io_;
    std::unique_ptr<TaskService> tasks_;
};

// Everything a stream gives until its end.
inline Async<Result<std::string>> read_to_end(async::Stream* stream) {
    std::string out;
    std::array<char, 65536> buffer{};
    while (true) {
        std::span<char> space(buffer);
        BERTH_CO_TRY(std::size_t got, co_await stream->read_some(space));
        if (got == 0) co_return out;
        out.append(buffer.data(), got);
    }
}

// The payloads of Docker's frames of one stream.
inline std::string unframe(const std::string& frames, char stream) {
    std::string out;
    for (std::size_t at = 0; at + 8 <= frames.size();) {
        std::size_t size = 0;
        for (int i = 4; i < 8; ++i)
            size = size << 8 | static_cast<unsigned char>(frames[at + static_cast<std::size_t>(i)]);
        if (frames[at] == stream) out += frames.substr(at + 8, size);
        at += 8 + size;
    }
    return out;
}

}  // namespace berth::supervisor
