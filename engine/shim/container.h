#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/shim/console.h"
#include "engine/shim/exec.h"
#include "engine/shim/health_monitor.h"
#include "engine/shim/input.h"
#include "engine/shim/loop.h"
#include "engine/shim/output.h"
#include "engine/shim/protocol/messages.h"
#include "engine/shim/protocol/task_file.h"
#include "engine/shim/rootfs.h"
#include "engine/shim/runtime.h"
#include "engine/shim/start_line.h"
#include "engine/shim/stdio.h"
#include "engine/sys/pty.h"

namespace berth::shim {

// The one container of this shim, from `create` to what is left of it. At most one runtime command runs at a
// time, execs apart; questions that come meanwhile are refused (kConflict), but kill, attach and resize,
// which need none.
//
//   kNew → create → kCreated → start → kRunning (⇄ kPaused) → init exits → kExited → the shim ends
class Container {
 public:
    struct Events {
        std::function<void()> exited;  // the record is on disk
        std::function<void(const ExecExit&)> exec_exited;
        std::function<void(const Health&)> health;  // after each probe
        std::function<void()> finished;             // nothing left to do: the process may end
        std::function<void(std::string)> trouble;   // for the engine's log
    };
    using Answer = std::function<void(Result<std::int64_t>)>;

    // `program`: as for Runtime.
    Container(Loop& loop, TaskFile task, UniqueFd program, Events events);

    // Before create(), which attaches it.
    Result<> add_mount(UniqueFd mount);
    // `root` is a detached mount, or empty. Answers with init's pid.
    void create(UniqueFd root, Answer answer);
    // Answers with the time of the start.
    void start(Answer answer);
    // Of a container that does not run: answers after `runtime delete`, with 1 while clients still have
    // output to read.
    void remove(Answer answer);
    // Pauses a running container, or lets a paused one go on.
    void freeze(bool frozen, std::function<void(Result<>)> answer);
    // Of a running container: answers with the process's pid once it runs. `client` may be empty.
    void exec(ExecRequest request, UniqueFd client, Answer answer);
    Result<> resize_exec(const std::string& id, sys::WindowSize size);
    Result<> kill_exec(const std::string& id, int signal);
    // Its end has been heard of: status() need not say it any more.
    void exec_told(const std::string& id);
    // A signal that would be lost because the program has only just been started is held back until it is
    // not.
    void kill(int signal, std::function<void(Result<>)> answer);
    // Returns the time: records of the log up to it were written before, all that comes after goes to the
    // socket.
    Result<std::int64_t> attach(UniqueFd socket, std::uint8_t streams);
    Result<> resize(sys::WindowSize size);
    Status status() const;
    // A child of this process has ended (SIGCHLD). `code` as a shell says it.
    void child_ended(pid_t pid, int code);

 private:
    using Done = std::function<void(int code)>;
    Result<> launch_create(UniqueFd root);
    Result<> run(std::vector<std::string> words, std::vector<int> fds, sys::SpawnHook hook, Done done);
    // What is to be done when a command of the runtime has ended.
    void await(pid_t command, Done done);
    void created(int code, const Answer& answer);
    void created_and_waits();
    void hang_up();
    Result<> adopt();
    void open_output();
    Error create_failure(int code);
    Error failure(const std::string& verb, int code, std::string said = {}) const;
    void exited(int code);
    void settle();
    void record_exit();
    void end_when_done();
    void tell_deleted();
    void begin_health();
    void run_probe(std::unique_ptr<logs::LogDriver> output);
    Result<Exec*> find_exec(const std::string& id);
    // Whether the child is an exec's: the runtime's command or the process itself.
    bool exec_ended(pid_t pid, int code);
    void exec_started(Exec& exec, int code);
    void announce(const ExecExit& exit);
    void forget_exec(const std::string& id);

    Loop& loop_;
    TaskFile task_;
    Events events_;
    Runtime runtime_;
    Status status_;
    std::vector<RootPlan::Place> mounts_;  // until create() has attached them
    StdioPipes stdio_;
    std::optional<ConsoleSocket> console_;
    // Of the root's file system, which would otherwise go with init, in init's own exit: overlayfs then syncs
    // all of the disk that it lies on, and nobody would hear of the exit before.
    UniqueFd root_;
    UniqueFd terminal_;  // the master
    UniqueFd init_;      // pidfd
    std::unique_ptr<logs::LogDriver> log_;
    std::unique_ptr<Input> input_;
    std::unique_ptr<Output> output_;
    pid_t running_ = 0;  // the runtime command under way
    // The `create` that has created and waits to start, or nothing.
    pid_t waiting_ = 0;
    std::unique_ptr<StartLine> start_line_;
    std::string remains_;  // see take_away()
    Loop::Timer running_limit_ = 0;
    bool timed_out_ = false;  // the last command was killed: it took too long
    Done running_done_;
    std::vector<std::pair<pid_t, int>> early_ends_;  // children that ended before we knew who they are
    std::map<std::string, std::unique_ptr<Exec>> execs_;
    std::vector<ExecExit> ended_execs_;      // not heard of yet, as far as we know
    std::unique_ptr<HealthMonitor> health_;  // while it runs
    std::uint64_t probes_ = 0;
    std::optional<ExitRecord> ending_;  // init is gone, the record is not written yet
    Answer when_deleted_, waiting_remove_;
    bool draining_ = false, deleted_ = false;
};

}  // namespace berth::shim
